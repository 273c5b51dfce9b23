// Serves the embedded ClickHouse alone, so that any ClickHouse client or tool can look inside: `npm run clickhouse -- --port 8123 --data DIR`.
import { spawn } from 'node:child_process';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { compiled } from '../config/paths';
import { threadsFor } from '../embedded/clickhouse/launch';
import { startClickHouseServer } from '../embedded/clickhouse/server';

const USAGE = `Usage: npm run clickhouse -- [--port 8123] [--host 127.0.0.1] [--data DIR] [--user default] [--password TEXT] [--memory MB]`;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

function stop(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

function options(): {
  port: number;
  host: string;
  data: string;
  user: string;
  password: string;
  memory: number | undefined;
} {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8123' },
        host: { type: 'string', default: '127.0.0.1' },
        data: { type: 'string', default: './data/clickhouse' },
        user: { type: 'string', default: 'default' },
        password: { type: 'string', default: '' },
        memory: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    }
    const port = Number(values.port);
    const memory = values.memory === undefined ? undefined : Number(values.memory);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) stop('--port must be 0 to 65535.');
    if (memory !== undefined && !(memory >= 256)) stop('--memory is in MB, 256 or more.');
    return { ...values, port, memory };
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : 'Bad arguments.'}\n${USAGE}`);
  }
}

async function main(): Promise<void> {
  const { port, host, data, user, password, memory } = options();
  if (password === '' && !isLoopback(host)) stop('A host that others can reach needs a --password.');
  const limits = memory === undefined ? {} : { memoryBytes: memory * 1024 * 1024 };
  try {
    const server = await startClickHouseServer({ dataDir: data, host, port, user, password, limits, outside: true });
    process.stdout.write(`ClickHouse at ${server.url}, user "${user}"${password === '' ? ', no password' : ''}\n`);
    process.stdout.write(`Try: curl '${server.url}/?query=SELECT+version()'\n`);
    const end = (): void => void server.close().then(() => process.exit(0));
    process.once('SIGINT', end).once('SIGTERM', end);
  } catch (error) {
    stop(error instanceof Error ? error.message : 'The server did not start.');
  }
}

/** libuv takes its number of threads from the environment that a process starts with, so this process starts itself again. */
function again(): void {
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(threadsFor()), TZ: 'UTC' };
  const child = spawn(process.execPath, [compiled('cli/clickhouse.js'), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}

if (process.env['UV_THREADPOOL_SIZE'] === String(threadsFor())) void main();
else again();
