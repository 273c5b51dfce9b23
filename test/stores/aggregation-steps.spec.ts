// Is what is derived right after any steps, in any order, cut short anywhere? On a real Postgres, with a warehouse in memory.
// AGGREGATION_RUNS=500 tries more histories than a usual run does.
import * as fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { randomUUID } from 'node:crypto';
import { AggregationOptions } from '../../src/aggregation/aggregation.options';
import { AggregationRepository } from '../../src/aggregation/aggregation.repository';
import { localDayOf, quarterBefore } from '../../src/aggregation/cells';
import { CellsRepository } from '../../src/aggregation/cells.repository';
import { Refresher } from '../../src/aggregation/refresher';
import { Clock } from '../../src/common/clock';
import { HOUR_MS, MINUTE_MS, overlaps, QUARTER_MS } from '../../src/common/time-range';

import { readEnv } from '../../src/config/env';
import { ChangeTimes } from '../../src/events';
import { ChangesRepository } from '../../src/events/changes/changes.repository';
import { Metrics } from '../../src/platform/metrics/metrics';
import { migratePostgres } from '../../src/platform/postgres/migrate';
import { Postgres } from '../../src/platform/postgres/postgres';
import { aPostgresDatabase } from '../support';
import { SmallWarehouse, type SmallEvent } from '../support/warehouse';

const numRuns = Number(process.env.AGGREGATION_RUNS ?? 20);

class TestClock extends Clock {
  at = Date.UTC(2026, 2, 10, 12, 7);
  override now(): number {
    return this.at;
  }
}

const clock = new TestClock();
const store = new SmallWarehouse();
const options = new AggregationOptions(new ChangeTimes(readEnv({})));
let postgres: Postgres;
let repository: AggregationRepository;
let cells: CellsRepository;
let changes: ChangesRepository;
let refresher: Refresher;

beforeAll(async () => {
  const url = await aPostgresDatabase();
  await migratePostgres(url);
  postgres = new Postgres(url);
  repository = new AggregationRepository(postgres);
  cells = new CellsRepository(postgres);
  changes = new ChangesRepository(postgres);
  Object.assign(options, { graceMs: 0, quietMs: 0, fewestOfProject: 0 });
  refresher = aRefresher();
});
afterAll(() => postgres.onApplicationShutdown());
beforeEach(() => {
  clock.at = Date.UTC(2026, 2, 10, 12, 7);
  options.onStep = () => undefined;
});

const aRefresher = (more: Partial<AggregationOptions> = {}): Refresher =>
  new Refresher(
    repository,
    cells,
    store,
    Object.assign(new AggregationOptions(new ChangeTimes(readEnv({}))), options, more),
    new Metrics(),
    clock,
  );

async function aProjectNumber(timezone = 'UTC'): Promise<number> {
  const { rows } = await postgres.run((db) =>
    db.execute<{ number: number }>(sql`
      INSERT INTO projects (id, name, timezone, domains, settings, secret, created_at, updated_at)
      VALUES (${randomUUID()}, 'Test', ${timezone}, '{}', '{}', '', now(), now()) RETURNING number`),
  );
  return rows[0]?.number ?? 0;
}

/** As a writer does: late events are marked before they are stored. */
async function send(project: number, ...events: SmallEvent[]): Promise<void> {
  const closing = (await changes.closings([project])).get(project) ?? -Infinity;
  const late = events.filter(({ ts }) => ts < closing).map(({ ts }) => quarterBefore(ts));
  await changes.mark(
    late.map((from) => ({ project, from, to: from + QUARTER_MS })),
    0,
  );
  store.add(project, ...events);
  await changes.addPending(new Map([[project, events.length]]));
}

/** Works until nothing is left to do. */
async function settle(project: number, by = refresher): Promise<void> {
  for (let rounds = 0; rounds < 100; rounds++) {
    // Marks are over a moment after they were made, by the database's clock.
    await new Promise((resolve) => setTimeout(resolve, 3));
    const due = (await by.due()).includes(project);
    if (due) await by.refresh(project);
    else if (!(await by.repair(project)) && !(await by.due()).includes(project)) return;
  }
  throw new Error('there is no end to it');
}

/** What is wrong with what is derived: nothing, if all is right. */
async function faults(project: number): Promise<string[]> {
  const state = await repository.state(project, 0);
  if (state?.horizon == null || state.zone === null || state.openFrom === null) return ['nothing is derived'];
  const { horizon, zone } = state;
  const all = await cells.cells(project, { from: 0, to: 1e14 });
  const stale = await cells.stale(project);
  const wrong: string[] = stale.map(({ from }) => `stale ${new Date(from).toISOString()}`);
  all.forEach((cell, at) => {
    const name = `${new Date(cell.from).toISOString()}..${new Date(cell.to).toISOString()}`;
    const day = localDayOf(zone, cell.from);
    if (cell.to > day.to || cell.to > horizon) wrong.push(`${name} is too long`);
    if (cell.from < (all[at - 1]?.to ?? 0)) wrong.push(`${name} overlaps`);
    const right = store.figures(project, cell, horizon);
    const kept = cell.detailed ? store.rows.get(cell.version) : right;
    if (JSON.stringify(kept) !== JSON.stringify(right))
      wrong.push(`${name} says ${JSON.stringify(kept)}, not ${JSON.stringify(right)}`);
    if (cell.events !== right.events) wrong.push(`${name} counts ${cell.events}`);
  });
  for (const { ts } of store.events.get(project) ?? [])
    if (ts < horizon && !all.some((cell) => overlaps(cell, { from: ts, to: ts + 1 })))
      wrong.push(`${new Date(ts).toISOString()} is in no cell`);
  if (state.openFrom !== (await store.openFrom(project, horizon))) wrong.push('openFrom');
  return wrong;
}

const visits = (from: number, count: number, apart: number, who = 'a'): SmallEvent[] =>
  Array.from({ length: count }, (_, at) => ({ ts: from + at * apart, who }));

it('begins a large project behind however many small ones', async () => {
  await postgres.run((db) =>
    db.execute(sql`
      INSERT INTO projects (id, name, timezone, domains, settings, secret, created_at, updated_at)
      SELECT gen_random_uuid(), 'Small', 'UTC', '{}', '{}', '', now(), now() FROM generate_series(1, 1100)`),
  );
  const project = await aProjectNumber();
  store.add(project, ...visits(Date.UTC(2026, 2, 5, 3), 60, HOUR_MS));
  const picky = aRefresher({ fewestOfProject: 60 });
  await picky.due();
  expect(await picky.due()).toEqual([project]);
  await postgres.run((db) => db.execute(sql`DELETE FROM projects WHERE name = 'Small'`));
});

it('begins an old project: its days are marked, then derived one by one, the last ones first', async () => {
  const project = await aProjectNumber();
  store.add(project, ...visits(Date.UTC(2026, 2, 5, 3), 60, 2 * HOUR_MS));
  expect(await refresher.due()).not.toContain(project);
  expect(await refresher.due()).toContain(project);
  await refresher.refresh(project);
  const state = await repository.state(project, 0);
  expect([state?.horizon, state?.zone]).toEqual([Date.UTC(2026, 2, 10, 12), 'UTC']);
  expect(await cells.stale(project)).toHaveLength(6);
  await refresher.repair(project);
  expect((await cells.cells(project, { from: 0, to: 1e14 })).map(({ from }) => from)).toEqual([Date.UTC(2026, 2, 10)]);
  await settle(project);
  expect(await faults(project)).toEqual([]);
  expect(await cells.cells(project, { from: 0, to: 1e14 })).toHaveLength(6);
});

it('moves the horizon, in small cells, and makes one cell of a day when it is over for good', async () => {
  const project = await aProjectNumber('Asia/Kathmandu');
  await settle(project);
  // Midnight there is 18:15 here; the sessions end before.
  await send(
    project,
    ...visits(Date.UTC(2026, 2, 10, 12, 10), 12, 20 * MINUTE_MS),
    ...visits(Date.UTC(2026, 2, 10, 12, 20), 3, HOUR_MS, 'b'),
  );
  for (const minutes of [60, 30, 30, 60, 60]) {
    clock.at += minutes * MINUTE_MS;
    await send(project, { ts: clock.at, who: 'c' });
    await settle(project);
    expect(await faults(project)).toEqual([]);
  }
  const before = await cells.cells(project, { from: 0, to: 1e14 });
  expect(before.length).toBeGreaterThan(3);
  clock.at = Date.UTC(2026, 2, 10, 19, 25);
  await send(project, { ts: clock.at - HOUR_MS, who: 'c' });
  await settle(project);
  expect(await faults(project)).toEqual([]);
  expect((await cells.cells(project, { from: 0, to: 1e14 })).map(({ from, to }) => [from, to])).toEqual([
    [Date.UTC(2026, 2, 9, 18, 15), Date.UTC(2026, 2, 10, 18, 15)],
    [Date.UTC(2026, 2, 10, 18, 15), Date.UTC(2026, 2, 10, 19, 15)],
  ]);
});

it('keeps the copy of a cell whose sessions went on, but not of one whose events changed or that is to be made again', async () => {
  const project = await aProjectNumber();
  await settle(project);
  const from = clock.at;
  const noon = Date.UTC(2026, 2, 10, 12);
  const firstCell = async () => (await cells.cells(project, { from: noon, to: noon + 1 }))[0];
  const moveOn = async (): Promise<void> => {
    clock.at += QUARTER_MS;
    await send(project, { ts: clock.at - 6 * MINUTE_MS, who: 'a' });
    await settle(project);
    expect(await faults(project)).toEqual([]);
  };
  const copy = { version: 0, of: 128, sequences: true };
  const copied = async (): Promise<number | undefined> => {
    copy.version = (await cells.versions(1))[0] ?? 0;
    await postgres.run((db) =>
      db.execute(sql`UPDATE rollup_cells SET copy_version = ${copy.version}, copy_of = 128, has_sequences = true
        WHERE project = ${project} AND "from" = ${new Date(noon).toISOString()}`),
    );
    const cell = await firstCell();
    expect(cell?.copy).toEqual(copy);
    return cell?.version;
  };
  await send(project, ...visits(from, 120, 1_000, 'a'));
  await moveOn();
  await moveOn();

  const before = await copied();
  await moveOn();
  const goneOn = await firstCell();
  expect(goneOn?.version).not.toBe(before);
  expect(goneOn?.copy).toEqual(copy);

  await copied();
  await send(project, { ts: from + 500, who: 'late' });
  await settle(project);
  expect((await firstCell())?.copy).toBeUndefined();

  await copied();
  await changes.mark([{ project, from: noon, to: noon + QUARTER_MS }], 0);
  await moveOn();
  expect((await firstCell())?.copy).toBeUndefined();
});

it('takes in late events, and the sessions that they join, however long', async () => {
  const project = await aProjectNumber();
  store.add(
    project,
    ...visits(Date.UTC(2026, 2, 8, 21), 10, 25 * MINUTE_MS),
    ...visits(Date.UTC(2026, 2, 9, 1, 20), 60, 25 * MINUTE_MS),
  );
  await settle(project);
  await send(project, { ts: Date.UTC(2026, 2, 9, 1, 5), who: 'a' });
  expect(await faults(project)).not.toEqual([]);
  await settle(project);
  expect(await faults(project)).toEqual([]);
});

it('gives writers time to learn of a horizon before it counts', async () => {
  const project = await aProjectNumber();
  const patient = aRefresher({ graceMs: 60_000 });
  await patient.due();
  expect(await patient.due()).not.toContain(project);
  await patient.refresh(project);
  expect((await repository.state(project, 0))?.horizon).toBeNull();
  expect(await changes.closings([project])).toEqual(new Map([[project, Date.UTC(2026, 2, 10, 12)]]));
});

it('begins anew in a new zone', async () => {
  const project = await aProjectNumber('America/New_York');
  store.add(project, ...visits(Date.UTC(2026, 2, 6), 40, 3 * HOUR_MS));
  await settle(project);
  await postgres.run((db) =>
    db.execute(sql`UPDATE projects SET timezone = 'Australia/Lord_Howe' WHERE number = ${project}`),
  );
  await settle(project);
  expect(await faults(project)).toEqual([]);
  expect((await repository.state(project, 0))?.zone).toBe('Australia/Lord_Howe');
});

it('lets one of two workers win who take the same step', async () => {
  const project = await aProjectNumber();
  store.add(project, ...visits(Date.UTC(2026, 2, 9, 22), 30, 20 * MINUTE_MS));
  await Promise.all([settle(project), settle(project, aRefresher()), settle(project, aRefresher())]);
  await settle(project);
  clock.at += HOUR_MS;
  await send(project, { ts: clock.at - 40 * MINUTE_MS, who: 'a' }, { ts: clock.at - 3 * HOUR_MS, who: 'b' });
  await Promise.all([settle(project), settle(project, aRefresher())]);
  expect(await faults(project)).toEqual([]);
});

it('keeps a range that is marked again while it is derived', async () => {
  const project = await aProjectNumber();
  store.add(project, ...visits(Date.UTC(2026, 2, 9, 22), 30, 20 * MINUTE_MS));
  await settle(project);
  const late = { ts: Date.UTC(2026, 2, 10, 3, 1), who: 'b' };
  await send(project, late);
  await new Promise((resolve) => setTimeout(resolve, 3));
  let again = true;
  const slow = aRefresher({
    onStep: async (step) => {
      if (step !== 'committing' || !again) return;
      again = false;
      await send(project, { ...late, ts: late.ts + 1 });
    },
  });
  await slow.repair(project);
  expect(await faults(project)).not.toEqual([]);
  await settle(project);
  expect(await faults(project)).toEqual([]);
});

it(
  'is right after any history, cut short at any steps, with events that come meanwhile',
  () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York', 'Australia/Lord_Howe'),
        fc.array(
          fc.record({
            minutes: fc.constantFrom(0, 5, 20, 60, 300, 26 * 60),
            events: fc.array(fc.record({ ago: fc.integer({ min: 0, max: 300 }), who: fc.constantFrom('a', 'b') }), {
              maxLength: 5,
            }),
            chain: fc.option(
              fc.record({ hours: fc.integer({ min: 0, max: 30 }), count: fc.integer({ min: 2, max: 60 }) }),
              {
                nil: undefined,
              },
            ),
            killAt: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
          }),
          { minLength: 1, maxLength: 5 },
        ),
        async (zone, history) => {
          clock.at = Date.UTC(2026, 2, 7, 20, 3);
          const project = await aProjectNumber(zone);
          for (const { minutes, events, chain, killAt } of history) {
            clock.at += minutes * MINUTE_MS;
            const walk =
              chain === undefined ? [] : visits(clock.at - chain.hours * HOUR_MS, chain.count, 25 * MINUTE_MS);
            const given = [
              ...events.map(({ ago, who }) => ({ ts: clock.at - ago * 7 * MINUTE_MS, who })),
              ...walk.filter(({ ts }) => ts <= clock.at),
            ];
            const meanwhile = given.splice(0, killAt === undefined ? 0 : 2);
            await send(project, ...given);
            let steps = 0;
            const mortal = aRefresher({
              onStep: async () => {
                steps += 1;
                const event = meanwhile.pop();
                if (event !== undefined) await send(project, event);
                if (steps === killAt) throw new Error('killed');
              },
            });
            if (killAt !== undefined) await settle(project, mortal).catch(() => undefined);
            await send(project, ...meanwhile);
          }
          await settle(project);
          expect(await faults(project)).toEqual([]);
        },
      ),
      { numRuns },
    ),
  20_000 + numRuns * 2_000,
);
