// The process of the embedded ClickHouse: options from standard input, one line when it is ready, and an end with its parent.
import { createInterface } from 'node:readline';
import { EngineStartError } from './engine';
import { LOCKED_EXIT_CODE } from './launch';
import type { ClickHouseChildMessage } from './launch';
import { startClickHouseServer } from './server';
import type { ClickHouseServer, ClickHouseServerOptions } from './server';

const GRACE_MS = 4_000;

function say(message: ClickHouseChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send !== undefined && process.connected) process.send(message, () => resolve());
    else process.stdout.write(`${JSON.stringify(message)}\n`, () => resolve());
  });
}

async function start(line: string): Promise<ClickHouseServer> {
  try {
    const server = await startClickHouseServer(JSON.parse(line) as ClickHouseServerOptions);
    await say({ ready: true, url: server.url });
    return server;
  } catch (error) {
    await say({ error: error instanceof Error ? error.message : 'unknown error' });
    process.exit(error instanceof EngineStartError && error.code === LOCKED_EXIT_CODE ? LOCKED_EXIT_CODE : 1);
  }
}

function main(): void {
  const lines = createInterface({ input: process.stdin });
  let server: Promise<ClickHouseServer> | undefined;
  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    await (await server)?.close(GRACE_MS);
    process.exit(0);
  };
  lines.once('line', (line) => {
    server = start(line);
  });
  lines.once('close', () => void end());
  process.on('SIGTERM', () => void end());
  // Ctrl-C reaches the whole group; the parent drains first and then ends this.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => void end());
}

main();
