// Does the state of raw events move with everything that changes an answer, and with nothing else? On the engine itself.
import { randomUUID } from 'node:crypto';
import { readEnv, StoreUrls } from '../../src/config/env';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import type { Postgres } from '../../src/platform/postgres/postgres';
import { DataVersions } from '../../src/stats/cache/data-version';
import type { StatsQuery } from '../../src/stats/stats.types';
import { aClickHouseDatabase, askClickHouse, until } from '../support';

let url: string;
let clickhouse: ClickHouse;
let versions: DataVersions;

beforeAll(async () => {
  url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  const env = readEnv({ LOG_LEVEL: 'silent' });
  clickhouse = new ClickHouse(env, new StoreUrls('', url));
  versions = new DataVersions({} as Postgres, clickhouse, env);
});
afterAll(() => clickhouse.onApplicationShutdown());

const query: StatsQuery = {
  project: 1,
  range: { from: Date.UTC(2026, 0, 5), to: Date.UTC(2026, 1, 5) },
  timezone: 'UTC',
  metrics: ['visitors'],
  groupings: [],
  order: [],
};
const ofSessions: StatsQuery = { ...query, metrics: ['sessions'] };

const run = (statement: string): Promise<string> => askClickHouse(url, statement);
const insert = (day: string, rows = 1): Promise<string> =>
  run(`INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id)
    SELECT 1, toDateTime64('${day} 00:00:00', 3, 'UTC') + number, now64(3), generateUUIDv4(), 'a', number FROM numbers(${rows})`);

/** Whether each of two questions has another version after something was done. */
async function moves(act: () => Promise<unknown>): Promise<{ plain: boolean; sessions: boolean }> {
  const states = (): Promise<(string | undefined)[]> =>
    Promise.all([query, ofSessions].map((of) => versions.rawOf(of)));
  const before = await states();
  expect(before.every((state) => state !== undefined)).toBe(true);
  await act();
  const after = await states();
  expect(after.every((state) => state !== undefined)).toBe(true);
  return { plain: before[0] !== after[0], sessions: before[1] !== after[1] };
}

const BOTH = { plain: true, sessions: true };
const NEITHER = { plain: false, sessions: false };
const everyPart = (month: string): Promise<string> => run(`OPTIMIZE TABLE events PARTITION ${month} FINAL`);

it('moves with every insert into the months of a range, from the first one on', async () => {
  expect(await moves(() => insert('2026-01-20'))).toEqual(BOTH);
  expect(await moves(() => insert('2026-01-20'))).toEqual(BOTH);
  expect(await moves(() => insert('2026-02-27'))).toEqual(BOTH);
});

it('moves with other months only where sessions may reach there', async () => {
  expect(await moves(() => insert('2026-03-01'))).toEqual({ plain: false, sessions: true });
  expect(await moves(() => insert('2025-12-31'))).toEqual({ plain: false, sessions: true });
});

it('stays when nothing is done, and when parts are merged', async () => {
  expect(await moves(() => Promise.resolve())).toEqual(NEITHER);
  for (let at = 0; at < 5; at += 1) await insert('2026-01-21', 50);
  const parts = (): Promise<string> =>
    run(`SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active`);
  const many = Number(await parts());
  expect(await moves(() => everyPart('202601'))).toEqual(NEITHER);
  expect(Number(await parts())).toBeLessThan(many);
});

it('moves with each deletion, also where newer parts are not touched by it', async () => {
  await insert('2026-01-22', 10);
  await insert('2026-01-23', 10);
  const gone = `DELETE FROM events IN PARTITION 202601 WHERE ts < toDateTime64('2026-01-22 00:00:05', 3) AND ts >= toDateTime64('2026-01-22 00:00:00', 3)`;
  expect(await moves(() => run(`${gone} SETTINGS lightweight_deletes_sync = 2`))).toEqual(BOTH);
  const mutation = `ALTER TABLE events DELETE IN PARTITION 202601 WHERE visitor_id = 7`;
  expect(await moves(() => run(`${mutation} SETTINGS mutations_sync = 2`))).toEqual(BOTH);
  expect(await moves(() => everyPart('202601'))).toEqual(NEITHER);
  expect(await moves(() => insert('2026-01-22'))).toEqual(BOTH);
});

it('moves with a new link', async () => {
  const link = `INSERT INTO visitor_links VALUES (1, 7, 8, now64(3))`;
  expect(await moves(() => run(link))).toEqual(BOTH);
  expect(await moves(() => run('OPTIMIZE TABLE visitor_links FINAL'))).toEqual(NEITHER);
});

it('moves when a month is dropped', async () => {
  expect(await moves(() => run('ALTER TABLE events DROP PARTITION 202602'))).toEqual(BOTH);
});

it('stays while a deletion waits, and moves when it is done', async () => {
  await insert('2026-01-24', 20);
  const before = await versions.rawOf(query);
  await run('SYSTEM STOP MERGES events');
  try {
    await run(`ALTER TABLE events DELETE WHERE visitor_id = 3 SETTINGS mutations_sync = 0`);
    expect(await versions.rawOf(query)).toBe(before);
  } finally {
    await run('SYSTEM START MERGES events');
  }
  const done = await until(
    async () => [await versions.rawOf(query), await run('SELECT count() FROM system.mutations WHERE NOT is_done')],
    ([state, left]) => state !== undefined && Number(left) === 0,
  );
  expect(done[0]).toEqual(expect.any(String));
  expect(done[0]).not.toBe(before);
});

it('is unknown on a cluster, where each replica has parts of its own, and where the engine does not answer', async () => {
  const clustered = new DataVersions({} as Postgres, clickhouse, readEnv({ CLICKHOUSE_CLUSTER: 'c' }));
  expect(await clustered.rawOf(query)).toBeUndefined();
  const nowhere = new ClickHouse(readEnv({}), new StoreUrls('', `http://127.0.0.1:1/${randomUUID()}`));
  expect(await new DataVersions({} as Postgres, nowhere, readEnv({})).rawOf(query)).toBeUndefined();
  await nowhere.onApplicationShutdown();
});

it('costs a few milliseconds with hundreds of parts', async () => {
  await run('SYSTEM STOP MERGES events');
  try {
    for (let month = 1; month <= 12; month += 1)
      for (let part = 0; part < 15; part += 1) await insert(`2024-${String(month).padStart(2, '0')}-10`);
    const times: number[] = [];
    for (let at = 0; at < 20; at += 1) {
      const began = performance.now();
      await versions.rawOf(ofSessions);
      times.push(performance.now() - began);
    }
    expect(times.toSorted((a, b) => a - b)[10]).toBeLessThan(100);
  } finally {
    await run('SYSTEM START MERGES events');
  }
});
