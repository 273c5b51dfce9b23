// How does a test get several processes that share everything but themselves? `node dist/main.js` as anybody runs it, on shared stores.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../src/embedded/leftover';
import { readStoresFile } from '../../src/embedded/stores-file';
import { runServer, untilReady, type Run } from './spawned-server';

/** A process of a cluster. */
export interface Member {
  readonly run: Run;
  /** Where its routes are; those of a worker are probes and metrics. */
  readonly url: string;
}

/** What a process says when it is up. */
const urlOf = (run: Run): string => /(http:\/\/[\d.:]+)\/(?:api|health)/.exec(run.stdout())?.[1] ?? '';

/** Starts a process on shared stores, and waits until it is up. */
export async function startMember(dataDir: string, roles: string, env: Record<string, string> = {}): Promise<Member> {
  const run = runServer({
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'warn',
    ...env,
    DATA_DIR: dataDir,
    ROLES: roles,
    EMBEDDED_STORES: 'shared',
  });
  await untilReady(run);
  return { run, url: urlOf(run) };
}

/** An empty data directory. */
export const aDataDir = (): string => mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));

/** Ends the stores of a folder that nobody uses any more, and removes it. */
export async function endShared(dataDir: string): Promise<void> {
  const pid = readStoresFile(dataDir)?.pid;
  if (pid !== undefined && isAlive(pid)) {
    process.kill(pid, 'SIGTERM');
    for (let waited = 0; waited < 20_000 && isAlive(pid); waited += 50) await sleep(50);
  }
  rmSync(dataDir, { recursive: true, force: true });
}
