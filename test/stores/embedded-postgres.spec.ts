// Does the embedded Postgres keep what it was given, keep others out, and come back by itself?
import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { endLeftover, isAlive } from '../../src/embedded/leftover';
import { startPostgres, type EmbeddedPostgres } from '../../src/embedded/postgres';
import { findPostgres, postgresPackage } from '../../src/embedded/postgres-binaries';
import { makeLogger } from '../../src/platform/logging/logger';
import { poolOptions } from '../../src/platform/postgres/postgres';

const log = makeLogger('silent');

const withClient = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client(poolOptions(url));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};
const value = async (url: string, query: string): Promise<unknown> =>
  withClient(url, async (client) => Object.values((await client.query(query)).rows[0] as object)[0]);

describe('the embedded Postgres', () => {
  const folder = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
  execFileSync('chmod', ['711', folder]);
  const start = (): Promise<EmbeddedPostgres> =>
    startPostgres(folder, log, { launched: () => undefined, gaveUp: () => undefined });
  let postgres: EmbeddedPostgres;
  beforeAll(async () => {
    postgres = await start();
  });
  afterAll(async () => {
    await postgres.close(10_000);
    rmSync(folder, { recursive: true, force: true });
  });

  it('is Postgres 18 in UTF-8, sorts by code point, and is durable', async () => {
    expect(await value(postgres.url, 'SHOW server_version')).toMatch(/^18\./);
    expect(await value(postgres.url, 'SHOW server_encoding')).toBe('UTF8');
    expect(await value(postgres.url, "SELECT string_agg(c, '' ORDER BY c) FROM unnest(ARRAY['a','B','é','Z']) c")).toBe(
      'BZaé',
    );
    expect(await value(postgres.url, "SELECT upper('é')")).toBe('É');
    for (const name of ['fsync', 'synchronous_commit', 'full_page_writes'])
      expect(await value(postgres.url, `SHOW ${name}`)).toBe('on');
  });

  it('takes its own password only, and listens on loopback only', async () => {
    const wrong = new URL(postgres.url);
    wrong.password = 'postgres';
    await expect(value(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await value(postgres.url, 'SHOW listen_addresses')).toBe('127.0.0.1');
    expect(await value(postgres.url, 'SHOW unix_socket_directories')).toBe('');
    expect(statSync(join(folder, 'postgres.secret')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).not.toContain('postgres.given');
  });

  it('is reached whatever the environment says of other databases', async () => {
    const others = {
      PGSSLMODE: 'require',
      PGSSLNEGOTIATION: 'direct',
      PGOPTIONS: '-c statement_timeout=1',
      PGHOST: '192.0.2.1',
      PGPORT: '1',
      PGUSER: 'somebody',
      PGDATABASE: 'theirs',
      PGTZ: 'Asia/Tokyo',
    };
    Object.assign(process.env, others);
    try {
      expect(await value(postgres.url, 'SELECT pg_sleep(0.05) IS NOT NULL')).toBe(true);
      expect(await value(postgres.url, 'SELECT current_database()')).toBe('millrace');
    } finally {
      for (const name of Object.keys(others)) delete process.env[name];
    }
  });

  it('comes back on the same URL with its rows when it is killed', async () => {
    await withClient(postgres.url, (client) => client.query('CREATE TABLE kept AS SELECT 42 AS number'));
    const before = postgres.pid ?? 0;
    process.kill(before, 'SIGKILL');
    let number: unknown;
    for (let waited = 0; waited < 20_000 && number === undefined; waited += 100) {
      await sleep(100);
      number = await value(postgres.url, 'SELECT number FROM kept').catch(() => undefined);
    }
    expect(number).toBe(42);
    expect(postgres.pid).not.toBe(before);
  });

  it('stops cleanly, and starts again with its rows', async () => {
    const pid = postgres.pid ?? 0;
    await postgres.close(30_000);
    // The system may keep its entry for a moment after it has ended.
    for (let waited = 0; waited < 5_000 && isAlive(pid); waited += 50) await sleep(50);
    expect(isAlive(pid)).toBe(false);
    expect(readdirSync(join(folder, 'postgres'))).not.toContain('postmaster.pid');
    postgres = await start();
    expect(await value(postgres.url, 'SELECT number FROM kept')).toBe(42);
  });

  it('does not take a process for a leftover that only has its id', async () => {
    const other = { name: 'Postgres', pid: process.pid, folder: join(folder, 'postgres') };
    expect(await endLeftover({ ...other, signals: [{ signal: 'SIGKILL', waitMs: 100 }] }, log)).toBe(true);
    expect(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).not.toContain(`${process.pid}\n`);
  });
});

describe('the programs of Postgres', () => {
  it('get their links back where install scripts were blocked', async () => {
    const home = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
    try {
      const installed = dirname((await findPostgres()).root);
      const copy = join(home, 'node_modules', postgresPackage());
      cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
      const links = JSON.parse(readFileSync(join(copy, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[];
      for (const { target } of links) unlinkSync(join(copy, target));
      const { postgres } = await findPostgres(home);
      expect(links.filter(({ target }) => !lstatSync(join(copy, target)).isSymbolicLink())).toEqual([]);
      expect(execFileSync(postgres, ['--version'], { encoding: 'utf8' })).toContain('PostgreSQL');
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  it('are missed in one line that says what to do', async () => {
    const home = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
    await expect(findPostgres(home)).rejects.toThrow(
      `package ${postgresPackage()} is missing. Run "npm install" without --omit=optional, or set DATABASE_URL.`,
    );
    rmSync(home, { recursive: true, force: true });
  });
});
