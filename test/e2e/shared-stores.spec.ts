// Do stores that several processes share outlive each of them, and none of them for good? Asked of real processes that are killed.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, worksIn } from '../../src/embedded/leftover';
import { readRunFile } from '../../src/embedded/run-file';
import { readStoresFile } from '../../src/embedded/stores-file';
import { aDataDir, endShared, startMember, type Member } from '../support/spawned-cluster';
import { runServer, until, untilReady } from '../support';

// Every test starts or kills processes, which takes seconds on a machine that is busy.
jest.setTimeout(240_000);

const PATIENCE_MS = 90_000;

const ready = async ({ url }: Member): Promise<number> =>
  fetch(`${url}/health/ready`).then(
    ({ status }) => status,
    () => 0,
  );
const untilAll = async (members: Member[]): Promise<number[]> =>
  until(
    () => Promise.all(members.map(ready)),
    (all) => all.every((status) => status === 200),
    PATIENCE_MS,
  );
const end = (member: Member, signal: NodeJS.Signals = 'SIGTERM') => {
  member.run.child.kill(signal);
  return member.run.exit;
};

describe('stores that are shared', () => {
  const dataDir = aDataDir();
  let members: Member[] = [];
  afterAll(async () => {
    await Promise.all(members.map((member) => end(member, 'SIGKILL')));
    await endShared(dataDir);
  });

  const keeper = (): number => readStoresFile(dataDir)?.pid ?? 0;
  const postgres = (): number =>
    Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  const clickhouse = (): number => Number(readFileSync(join(dataDir, 'clickhouse.pid'), 'utf8'));
  /** Keepers that run on this folder. */
  const keepers = (): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1 && worksIn(pid, dataDir))
      .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('keeper.js'));

  it('are started once by three processes that race for it, and one of them makes the root key', async () => {
    members = await Promise.all(['api', 'api', 'worker'].map((roles) => startMember(dataDir, roles)));
    expect(await untilAll(members)).toEqual([200, 200, 200]);
    if (process.platform === 'linux') expect(keepers()).toEqual([keeper()]);
    expect(members.filter(({ run }) => run.stdout().includes('Root key'))).toHaveLength(1);
  });

  it('are told of in a file that only its owner can read, and so is each API server', () => {
    expect(statSync(join(dataDir, 'stores.json')).mode & 0o777).toBe(0o600);
    const runs = readdirSync(dataDir).filter((name) => name.startsWith('run.'));
    expect(runs.sort()).toEqual(
      members
        .slice(0, 2)
        .map(({ run }) => `run.${run.pid}.json`)
        .sort(),
    );
    for (const name of runs) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
  });

  it('refuse a process that wants them for itself, with one line', async () => {
    const alone = runServer({ DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1' });
    expect(await alone.exit).toEqual({ code: 1, signal: null });
    expect(alone.stderr().trim().split('\n')).toHaveLength(1);
    expect(alone.stderr()).toContain(`their keeper is pid ${keeper()}): set EMBEDDED_STORES=shared`);
    expect(await untilAll(members)).toEqual([200, 200, 200]);
  });

  it('outlive the process that started them', async () => {
    const before = [keeper(), postgres(), clickhouse()];
    const [first] = members;
    await end(first!, 'SIGKILL');
    members[0] = await startMember(dataDir, 'api');
    expect([keeper(), postgres(), clickhouse()]).toEqual(before);
    expect(await untilAll(members)).toEqual([200, 200, 200]);
    expect(existsSync(join(dataDir, `run.${first!.run.pid}.json`))).toBe(false);
    expect(members.map(({ run }) => run.pid)).toContain(readRunFile({ DATA_DIR: dataDir })?.pid);
  });

  it('come back when they are killed', async () => {
    const before = [postgres(), clickhouse()];
    for (const pid of before) process.kill(pid, 'SIGKILL');
    const engines = async (): Promise<number[]> => {
      try {
        return [postgres(), clickhouse()];
      } catch {
        return before;
      }
    };
    const isNew = (pids: number[]): boolean => pids.every((pid) => pid > 0 && !before.includes(pid));
    expect(await until(engines, isNew, PATIENCE_MS)).not.toEqual(before);
    expect(await untilAll(members)).toEqual([200, 200, 200]);
    expect(members.map(({ run }) => run.child.exitCode)).toEqual([null, null, null]);
  });

  it('come back where they were when their keeper is killed', async () => {
    const before = readStoresFile(dataDir);
    process.kill(keeper(), 'SIGKILL');
    const after = await until(
      async () => readStoresFile(dataDir),
      (file) => file?.pid !== before?.pid,
      PATIENCE_MS,
    );
    expect(after).toEqual({ ...before, pid: after?.pid });
    expect(await untilAll(members)).toEqual([200, 200, 200]);
    if (process.platform === 'linux') expect(keepers()).toEqual([keeper()]);
  });

  it('come back when keeper, stores and a process are killed at once', async () => {
    const all = [keeper(), postgres(), clickhouse(), members[2]!.run.pid];
    for (const pid of all) process.kill(pid, 'SIGKILL');
    members[2] = await startMember(dataDir, 'worker');
    expect(await untilAll(members)).toEqual([200, 200, 200]);
    if (process.platform === 'linux') expect(keepers()).toEqual([keeper()]);
  });

  it('make room at once for a process that wants them for itself when nobody is left, and leave nothing', async () => {
    const left = [keeper(), postgres(), clickhouse()];
    const exits = await Promise.all(members.map((member) => end(member)));
    expect(exits).toEqual(members.map(() => ({ code: 0, signal: null })));
    members = [];
    expect(left.every(isAlive)).toBe(true);
    const alone = runServer({ DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'warn' });
    await untilReady(alone);
    expect(left.some(isAlive)).toBe(false);
    expect(existsSync(join(dataDir, 'stores.json'))).toBe(false);
    const shared = runServer({ DATA_DIR: dataDir, PORT: '0', EMBEDDED_STORES: 'shared' });
    expect((await shared.exit).code).toBe(1);
    expect(shared.stderr()).toContain(`pid ${alone.pid}, http://127.0.0.1`);
    alone.child.kill('SIGTERM');
    expect(await alone.exit).toEqual({ code: 0, signal: null });
  });
});
