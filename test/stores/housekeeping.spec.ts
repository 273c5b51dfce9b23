// Is the house kept? Each chore on real stores, twice in a row, and nothing touched that is not its business.
import { sql } from 'drizzle-orm';
import type { Copier } from '../../src/aggregation/copies/copier';
import type { MonthAdder } from '../../src/aggregation/months/month-adder';
import type { RollingCounter } from '../../src/aggregation/rolling/rolling-counter';
import { ChoreNotes } from '../../src/aggregation/housekeeping/chore-notes';
import { ClosedMonths } from '../../src/aggregation/housekeeping/closed-months';
import { DerivedPartitions } from '../../src/aggregation/housekeeping/derived-partitions';
import { ExpiredEvents } from '../../src/aggregation/housekeeping/expired-events';
import { Housekeeping } from '../../src/aggregation/housekeeping/housekeeping.processor';
import { RollupLitter } from '../../src/aggregation/housekeeping/rollup-litter';
import { WarehouseWatch } from '../../src/aggregation/housekeeping/warehouse-watch';
import { Clock } from '../../src/common/clock';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/common/time-range';
import { MarkStale } from '../../src/events';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { Metrics } from '../../src/platform/metrics/metrics';
import { Postgres } from '../../src/platform/postgres/postgres';
import { Maintenance } from '../../src/platform/queue/maintenance';
import { Queues } from '../../src/platform/queue/queues';
import { retainedFrom } from '../../src/projects';
import { aProject, askClickHouse, startTestApp, type TestApp, until } from '../support';

class TestClock extends Clock {
  /** Parts that are made now are an hour old. */
  at = Date.now() + 2 * HOUR_MS;
  override now(): number {
    return this.at;
  }
}

const clock = new TestClock();
let app: TestApp;
let clickhouse: ClickHouse;
let postgres: Postgres;
let notes: ChoreNotes;
let metrics: Metrics;

beforeAll(async () => {
  // No worker of its own: the chores are run by hand.
  app = await startTestApp({ env: { ROLES: 'api' } });
  clickhouse = app.app.get(ClickHouse);
  postgres = app.app.get(Postgres);
  metrics = app.app.get(Metrics);
  notes = new ChoreNotes(postgres);
  // Two parts stay two parts until they are told otherwise.
  await ch(`ALTER TABLE events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1,
    max_bytes_to_merge_at_min_space_in_pool = 1`);
});
afterAll(() => app.close());

const ch = (query: string): Promise<string> => askClickHouse(app.urls.clickhouse, query);
const rowsOf = async <T>(query: string): Promise<T[]> => {
  const text = await ch(`${query} FORMAT JSONEachRow`);
  return text === ''
    ? []
    : text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as T);
};
const count = async (from: string, where = '1'): Promise<number> =>
  Number(await ch(`SELECT count() FROM ${from} WHERE ${where}`));
const partsOf = (month: string): Promise<{ name: string; rows: number; has_lightweight_delete: number }[]> =>
  rowsOf(`SELECT name, rows, has_lightweight_delete FROM system.parts
    WHERE database = currentDatabase() AND table = 'events' AND active AND partition = '${month}' ORDER BY name`);

/** Stores events of one project in one part, a minute apart. */
const store = async (project: number, from: number, events: number, visitor = 1): Promise<void> => {
  await ch(`INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id)
    SELECT ${project}, fromUnixTimestamp64Milli(${from} + number * 60000, 'UTC'), now64(3), generateUUIDv4(), 'pageview', ${visitor}
    FROM numbers(${events})`);
};

/** The number of a new project. */
const aNumber = async (retentionDays: number | null = null): Promise<number> => {
  const project = await aProject(app, retentionDays === null ? {} : { settings: { retentionDays } });
  const { rows } = await postgres.run((db) =>
    db.execute<{ number: number }>(sql`SELECT number FROM projects WHERE id = ${project.id}`),
  );
  return rows[0]!.number;
};

describe('closed months', () => {
  const months = (): ClosedMonths => new ClosedMonths(clickhouse, notes, clock);
  const at = Date.UTC(2024, 0, 10);

  it('become one part each, one month a run, and not again on the same day', async () => {
    const project = await aNumber();
    for (const part of [0, 1, 2]) await store(project, at + part * DAY_MS, 5);
    for (const part of [0, 1]) await store(project, at + 31 * DAY_MS + part * DAY_MS, 5);
    await store(project, Date.now() - MINUTE_MS, 1);
    await store(project, Date.now() - MINUTE_MS, 1);
    expect(await months().run()).toBe('202401');
    expect(await partsOf('202401')).toHaveLength(1);
    expect(await partsOf('202402')).toHaveLength(2);
    expect(await months().run()).toBe('202402');
    expect(await months().run()).toBeUndefined();
    await store(project, at, 1);
    expect(await months().run()).toBeUndefined();
    clock.at += DAY_MS + HOUR_MS;
    expect(await months().run()).toBe('202401');
    expect(await months().run()).toBeUndefined();
    expect(await partsOf('202401')).toHaveLength(1);
    expect(await count('events', `project_id = ${project}`)).toBe(28);
  });

  it('are left alone while events come in', async () => {
    const project = await aNumber();
    for (const part of [0, 1]) await store(project, Date.UTC(2024, 2, 10) + part * DAY_MS, 5);
    const early = Object.assign(new TestClock(), { at: Date.now() + 10 * MINUTE_MS });
    expect(await new ClosedMonths(clickhouse, notes, early).run()).toBeUndefined();
    expect(await months().run()).toBe('202403');
  });

  it('lose what was deleted in them', async () => {
    const project = await aNumber();
    await store(project, Date.UTC(2024, 3, 10), 10);
    await ch(
      `DELETE FROM events WHERE project_id = ${project} AND toMinute(ts) < 4 SETTINGS lightweight_deletes_sync = 2`,
    );
    expect(await partsOf('202404')).toMatchObject([{ rows: 10, has_lightweight_delete: 1 }]);
    expect(
      await until(
        () => months().run(),
        (month) => month === '202404',
        2_000,
      ),
    ).toBe('202404');
    expect(await partsOf('202404')).toMatchObject([{ rows: 6, has_lightweight_delete: 0 }]);
    expect(await months().run()).toBeUndefined();
  });
});

describe('partitions of derived rows', () => {
  const derived = (): DerivedPartitions => new DerivedPartitions(clickhouse, notes, clock);
  let version = 0;
  const derive = (table: string, year: number): Promise<unknown> =>
    ch(`INSERT INTO ${table} (project_id, version, start) VALUES (2, ${(version += 1)}, '${year}-01-01 00:00:00')`);

  it('become one part each, one a run, and not again on the same day', async () => {
    for (const table of ['rollup_totals', 'rollup_values'])
      await ch(`ALTER TABLE ${table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1,
        max_bytes_to_merge_at_min_space_in_pool = 1`);
    for (const year of [2001, 2001, 2001, 2002, 2002, 2003]) await derive('rollup_values', year);
    for (const year of [2001, 2001]) await derive('rollup_totals', year);
    expect(await derived().run()).toBe('rollup_values 2001');
    expect(await derived().run()).toBe('rollup_totals 2001');
    await derive('rollup_values', 2001);
    expect(await derived().run()).toBe('rollup_values 2002');
    expect(await derived().run()).toBeUndefined();
    clock.at += DAY_MS + 1;
    expect(await derived().run()).toBe('rollup_values 2001');
    expect(await derived().run()).toBeUndefined();
    expect(await count('rollup_values', 'project_id = 2')).toBe(7);
    await ch(`DELETE FROM rollup_values WHERE project_id = 2 SETTINGS lightweight_deletes_sync = 2`);
    await ch(`DELETE FROM rollup_totals WHERE project_id = 2 SETTINGS lightweight_deletes_sync = 2`);
  });
});

describe('expired events', () => {
  const expired = (): ExpiredEvents =>
    new ExpiredEvents(clickhouse, postgres, notes, app.app.get(MarkStale, { strict: false }), clock);
  const cellsOf = async (project: number): Promise<number[]> =>
    (
      await postgres.run((db) =>
        db.execute<{ version: string }>(
          sql`SELECT version FROM rollup_cells WHERE project = ${project} ORDER BY "from"`,
        ),
      )
    ).rows.map(({ version }) => Number(version));

  it('go within a day, with the days that were derived from them; nobody else loses any', async () => {
    const [short, long, forever] = [await aNumber(30), await aNumber(400), await aNumber()];
    const now = clock.now();
    const keptFrom = now - 30 * DAY_MS;
    for (const project of [short, long, forever]) {
      await store(project, now - 60 * DAY_MS, 10);
      await store(project, keptFrom - 12 * HOUR_MS, 1_440);
      await store(project, now - DAY_MS, 10);
    }
    const day = (ago: number): string => new Date(now - ago * DAY_MS).toISOString();
    await postgres.run((db) =>
      db.execute(sql`INSERT INTO event_horizons (project, horizon, closing, revision)
        VALUES (${short}, ${day(0)}, ${day(0)}, 5), (${long}, ${day(0)}, ${day(0)}, 5)`),
    );
    for (const project of [short, long])
      await postgres.run((db) =>
        db.execute(sql`INSERT INTO rollup_cells (project, "from", "to", version, events, detailed, skipped) VALUES
          (${project}, ${day(60)}, ${day(59)}, ${project * 10 + 1}, 1, true, '{}'),
          (${project}, ${day(30.5)}, ${day(29.5)}, ${project * 10 + 2}, 1, true, '{}')`),
      );

    expect(await expired().run()).toBe(2);
    // Whole quarter hours go: of the last one some events may stay, which readers do not show.
    const before = Math.floor(keptFrom / (15 * MINUTE_MS)) * 15 * MINUTE_MS;
    expect(await count('events', `project_id = ${short} AND toUnixTimestamp64Milli(ts) < ${before}`)).toBe(0);
    expect(await count('events', `project_id = ${short} AND toUnixTimestamp64Milli(ts) >= ${keptFrom}`)).toBe(
      12 * 60 + 10,
    );
    for (const project of [long, forever]) expect(await count('events', `project_id = ${project}`)).toBe(1_460);
    expect(await cellsOf(short)).toEqual([short * 10 + 2]);
    expect(await cellsOf(long)).toEqual([long * 10 + 1, long * 10 + 2]);
    const { rows } = await postgres.run((db) =>
      db.execute<{ project: number; revision: string; at: boolean }>(sql`
        SELECT project, revision, EXISTS (SELECT 1 FROM stale_ranges AS s WHERE s.project = h.project
          AND "from" <= ${new Date(before - 1).toISOString()} AND "to" >= ${new Date(before + DAY_MS).toISOString()}) AS at
        FROM event_horizons AS h WHERE project IN (${short}, ${long}) ORDER BY project`),
    );
    expect(Number(rows[0]!.revision)).toBeGreaterThan(5);
    expect(rows[0]!.at).toBe(true);

    const left = await count('events');
    expect(await expired().run()).toBe(0);
    clock.at += DAY_MS;
    expect(await expired().run()).toBe(2);
    expect(await count('events', `project_id = ${forever}`)).toBe(1_460);
    expect(await count('events')).toBeLessThan(left);
    clock.at += DAY_MS;
    await expired().run();
    expect(await count('events', `project_id = ${long}`)).toBe(1_460);
  });

  it('leave as whole parts where nothing else is in them', async () => {
    const [gone, kept] = [await aNumber(10), await aNumber()];
    const old = Date.UTC(2023, 4, 10);
    await store(gone, old, 10);
    await store(kept, old, 10);
    const [first] = await partsOf('202305');
    expect(await expired().run()).toBeGreaterThan(0);
    const parts = await partsOf('202305');
    expect(parts).toHaveLength(1);
    expect(parts[0]!.name.split('_')[1]).not.toBe(first!.name.split('_')[1]);
    expect(await count('events', `project_id = ${gone}`)).toBe(0);
    expect(await count('events', `project_id = ${kept}`)).toBe(10);
  });

  it('are those before the moment that readers begin at', () => {
    const settings = { retentionDays: 7 } as Parameters<typeof retainedFrom>[0]['settings'];
    expect(retainedFrom({ settings }, 10 * DAY_MS)).toBe(3 * DAY_MS);
    expect(retainedFrom({ settings: { ...settings, retentionDays: null } }, 10 * DAY_MS)).toBe(-Infinity);
  });
});

describe('rows that nobody points at', () => {
  const litter = (): RollupLitter => new RollupLitter(clickhouse, postgres, notes, clock);
  const derive = async (...versions: readonly number[]): Promise<void> => {
    for (const version of versions) {
      await ch(
        `INSERT INTO rollup_totals (project_id, version, grain, start, events) VALUES (1, ${version}, 'c', '2024-01-01 00:00:00', 1)`,
      );
      await ch(`INSERT INTO rollup_values (project_id, dimension, value, start, version, other, events)
        VALUES (1, 'path', '/', '2024-01-01 00:00:00', ${version}, 0, 1)`);
      await ch(
        `INSERT INTO sampled_events (project_id, version, ts) VALUES (1, ${version + 100}, '2024-01-01 00:00:00')`,
      );
      await ch(
        `INSERT INTO event_sequences (project_id, version, start) VALUES (1, ${version + 100}, '2024-01-01 00:00:00')`,
      );
    }
  };
  const versions = async (table: string): Promise<number[]> =>
    (
      await rowsOf<{ version: string }>(`SELECT DISTINCT version FROM ${table} WHERE project_id = 1 ORDER BY version`)
    ).map(({ version }) => Number(version));

  it('go after an hour without a pointer, and no sooner', async () => {
    const project = await aNumber();
    const point = (version: number, from: string): Promise<unknown> =>
      postgres.run((db) =>
        db.execute(sql`INSERT INTO rollup_cells (project, "from", "to", version, events, detailed, skipped, copy_version, copy_of)
          VALUES (${project}, ${from}, ${from}::timestamptz + interval '1 hour', ${version}, 1, true, '{}', ${version + 100}, 128)`),
      );
    await derive(9_001, 9_002, 9_003);
    await point(9_001, '2024-01-01T00:00:00Z');
    // Of a month, which has no copy.
    await ch(
      `INSERT INTO rollup_totals (project_id, version, grain, start, events) VALUES (1, 9010, 'm', '2024-01-01 00:00:00', 1)`,
    );
    await postgres.run((db) =>
      db.execute(sql`INSERT INTO rollup_months (project, "from", "to", version, cells, skipped)
        VALUES (${project}, '2024-01-01T00:00:00Z', '2024-01-01T01:00:00Z', 9010, '{9001}', '{}')`),
    );
    await litter().run();
    expect(await litter().run()).toBeUndefined();
    expect(await versions('rollup_totals')).toEqual([9_001, 9_002, 9_003, 9_010]);
    // 9002 gets its pointer late; 9004 is being derived when the next look comes.
    await point(9_002, '2024-01-01T01:00:00Z');
    await derive(9_004);
    clock.at += HOUR_MS;
    // Its figures, and its copy.
    expect(await litter().run()).toBe(2);
    expect(await versions('rollup_totals')).toEqual([9_001, 9_002, 9_004, 9_010]);
    expect(await versions('rollup_values')).toEqual([9_001, 9_002, 9_004]);
    expect(await versions('sampled_events')).toEqual([9_101, 9_102, 9_104]);
    expect(await versions('event_sequences')).toEqual([9_101, 9_102, 9_104]);
    clock.at += HOUR_MS;
    await postgres.run((db) => db.execute(sql`DELETE FROM rollup_cells WHERE version = 9001`));
    await postgres.run((db) => db.execute(sql`DELETE FROM rollup_months WHERE version = 9010`));
    expect(await litter().run()).toBe(2);
    expect(await versions('rollup_values')).toEqual([9_001, 9_002]);
    expect(await versions('sampled_events')).toEqual([9_101, 9_102]);
    expect(await versions('event_sequences')).toEqual([9_101, 9_102]);
    expect(await litter().run()).toBeUndefined();
  });
});

describe('the watch', () => {
  it('tells sizes, parts and the room on the disk', async () => {
    const watch = new WarehouseWatch(clickhouse, metrics, app.app.get(Queues));
    await watch.look();
    await watch.look();
    const text = await metrics.registry.metrics();
    const value = (line: string): number => Number(new RegExp(`^${line} (\\S+)$`, 'm').exec(text)?.[1]);
    expect(value('millrace_clickhouse_table_rows{table="events"}')).toBeGreaterThan(1_000);
    expect(value('millrace_clickhouse_table_bytes{table="events"}')).toBeGreaterThan(1_000);
    expect(value('millrace_clickhouse_table_parts{table="rollup_totals"}')).toBeGreaterThan(0);
    expect(value('millrace_clickhouse_partition_parts{table="events"}')).toBeGreaterThan(0);
    expect(value('millrace_clickhouse_crowded_partitions')).toBe(0);
    expect(value('millrace_clickhouse_disk_free_bytes')).toBeGreaterThan(1e6);
    expect(value('millrace_clickhouse_disk_total_bytes')).toBeGreaterThan(value('millrace_clickhouse_disk_free_bytes'));
  });

  it('counts partitions that are crowded', async () => {
    await ch(
      'CREATE TABLE crowd (n UInt32) ENGINE = MergeTree PARTITION BY tuple() ORDER BY n SETTINGS max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1',
    );
    await ch(
      'INSERT INTO crowd SELECT number FROM numbers(151) SETTINGS max_block_size = 1, min_insert_block_size_rows = 1, max_insert_block_size = 1, min_insert_block_size_bytes = 1',
    );
    const watch = new WarehouseWatch(clickhouse, metrics, app.app.get(Queues));
    await watch.look();
    expect(await metrics.registry.getSingleMetricAsString('millrace_clickhouse_crowded_partitions')).toMatch(/ 1$/m);
    await ch('DROP TABLE crowd');
  });
});

describe('a round of the house', () => {
  const keeping = (chores: { fail?: boolean; slow?: Promise<void> }, ran: string[]): Housekeeping => {
    const chore = (name: string) => ({
      run: async () => {
        ran.push(name);
        await chores.slow;
        if (chores.fail === true) throw new Error('as asked');
        return 1;
      },
    });
    return new Housekeeping(
      app.app.get(Maintenance),
      notes,
      metrics,
      clock,
      chore('months') as unknown as ClosedMonths,
      chore('expired') as unknown as ExpiredEvents,
      chore('litter') as unknown as RollupLitter,
      chore('copies') as unknown as Copier,
      chore('rolling') as unknown as RollingCounter,
      chore('monthly') as unknown as MonthAdder,
      chore('years') as unknown as DerivedPartitions,
    );
  };

  it('does each chore in its time, goes on after one that fails, and says so in the metrics', async () => {
    const ran: string[] = [];
    const house = keeping({ fail: true }, ran);
    await house.look();
    await house.look();
    const all = ['copies', 'rolling', 'monthly', 'expired', 'litter', 'months', 'years'];
    expect(ran).toEqual(all);
    clock.at += 6 * MINUTE_MS;
    await house.look();
    expect(ran).toEqual([...all, 'copies', 'rolling', 'monthly', 'months', 'years']);
    await keeping({}, ran).look();
    const text = await metrics.registry.metrics();
    expect(text).toContain('millrace_chore_runs_total{chore="merge-closed-months",outcome="failed"} 2');
    expect(text).toContain('millrace_chore_runs_total{chore="expire-events",outcome="completed"} 1');
    expect(text).toMatch(/millrace_chore_last_success_timestamp_seconds\{chore="sweep-rollups"\} \d{10}/);
    expect(text).toContain('millrace_chore_seconds_count{chore="sweep-rollups"} 2');
  });

  it('is one worker’s at a time', async () => {
    const [mine, theirs]: [string[], string[]] = [[], []];
    let finish = (): void => undefined;
    const slow = new Promise<void>((resolve) => (finish = resolve));
    const first = keeping({ slow }, mine).look();
    await until(
      () => Promise.resolve(mine.length),
      (done) => done === 1,
    );
    const other = keeping({}, theirs);
    await other.look();
    expect(theirs).toEqual([]);
    finish();
    await first;
    await other.look();
    expect([mine.length, theirs.length]).toEqual([7, 7]);
  });
});
