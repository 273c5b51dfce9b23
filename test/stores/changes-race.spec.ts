// Is an event ever acknowledged that neither the derived figures nor a mark know? Writers and a refresher race, with stores that are
// slow or away; events carry times that run so fast that each quarter hour is over in 15 ms.
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Env, StoreUrls } from '../../src/config/env';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { askClickHouse } from '../support';
import { aFaultyStore, type FaultyStore } from '../support/faults';
import { aChangeWorld, anEntry, type ChangeWorld, type Writer } from './changes.harness';

const TIMES = { viewMs: 150, insertMs: 150, marginMs: 50, leaseMs: 150 };
const GRACE_MS = TIMES.viewMs + TIMES.insertMs + TIMES.marginMs;
const RUN_MS = 12_000;
const BASE = Date.UTC(2026, 0, 1);

let world: ChangeWorld;
let flaky: FaultyStore;

/** A warehouse whose inserts take their time, sometimes longer than the grace. */
class SlowClickHouse extends ClickHouse {
  override async insert(...args: Parameters<ClickHouse['insert']>): Promise<void> {
    const slow = () => sleep(randomInt(10) === 0 ? randomInt(600) : randomInt(20));
    await slow();
    await super.insert(...args);
    await slow();
  }
}

/** Whoever derives, at its simplest: what it has read of each stretch, and up to where. */
class Refresher {
  horizon = BASE;
  steps = 0;
  repairs = 0;
  readonly derived = new Map<string, number>();

  constructor(private readonly project: number) {}

  async advance(closing: number): Promise<void> {
    await world.announce(this.project, closing);
    await sleep(GRACE_MS);
    await this.#read(this.horizon, closing);
    this.horizon = closing;
    this.steps += 1;
  }

  /** @returns how many ranges were left alone */
  async repair(): Promise<number> {
    const { rows } = await world.db.query<{ from: Date; to: Date; until: string; due: boolean }>(
      'SELECT "from", "to", until::text, until < now() AS due FROM stale_ranges WHERE project = $1',
      [this.project],
    );
    for (const { from, to, until } of rows.filter(({ due }) => due)) {
      await this.#read(from.getTime(), Math.min(to.getTime(), this.horizon));
      await world.db.query('DELETE FROM stale_ranges WHERE project = $1 AND "from" = $2 AND "to" = $3 AND until = $4', [
        this.project,
        from,
        to,
        until,
      ]);
      this.repairs += 1;
    }
    return rows.filter(({ due }) => !due).length;
  }

  async #read(from: number, to: number): Promise<void> {
    const rows = await rawEvents(this.project, from, to);
    for (const [id, at] of this.derived) if (at >= from && at < to) this.derived.delete(id);
    for (const [id, at] of rows) this.derived.set(id, at);
  }
}

const rawEvents = async (project: number, from: number, to: number): Promise<Map<string, number>> => {
  const text = await askClickHouse(
    world.urls.clickhouse,
    `SELECT toString(event_id), toUnixTimestamp64Milli(ts) AS at FROM events FINAL
     WHERE project_id = ${project} AND at >= ${from} AND at < ${to} FORMAT TSV`,
  );
  const lines = text.trim() === '' ? [] : text.trim().split('\n');
  return new Map(lines.map((line) => line.split('\t')).map(([id, at]) => [id!, Number(at)]));
};

beforeAll(async () => {
  world = await aChangeWorld();
  flaky = await aFaultyStore(world.urls.postgres);
});
afterAll(async () => {
  await world.close();
  await flaky.close();
});

it('every event that was acknowledged is derived, marked, or not yet behind the horizon, at every moment', async () => {
  const project = await world.aProject(BASE);
  const slow = () => new SlowClickHouse(new Env(), world.urls);
  const writers = [
    world.writer({ times: TIMES, clickhouse: slow() }),
    world.writer({ times: TIMES, clickhouse: slow(), urls: new StoreUrls(flaky.url, world.urls.clickhouse) }),
  ];
  const begun = Date.now();
  const running = (): boolean => Date.now() - begun < RUN_MS;
  /** The events' own time, 60,000 times as fast as ours. */
  const time = (agoMs = 0): number => BASE + (Date.now() - agoMs - begun) * 60_000;
  const acknowledged: { id: string; at: number }[] = [];

  const write = async (writer: Writer): Promise<void> => {
    while (running()) {
      const late = [5, 5, 5, 600, 3_000][randomInt(5)]!;
      const entries = Array.from({ length: 1 + randomInt(3) }, () =>
        anEntry(project, Math.max(time(randomInt(late)), BASE)),
      );
      await writer.send(entries);
      acknowledged.push(...entries.map(({ id, at }) => ({ id, at })));
    }
  };
  const refresher = new Refresher(project);
  const refresh = async (): Promise<void> => {
    while (running()) {
      await refresher.advance(time());
      await refresher.repair();
    }
  };
  const disturb = async (): Promise<void> => {
    while (running()) {
      await sleep(1_000 + randomInt(1_000));
      flaky.set('refuse');
      await sleep(randomInt(1_200));
      flaky.set('pass');
    }
  };
  const missed: string[] = [];
  let checks = 0;
  const check = async (): Promise<void> => {
    const known = acknowledged.slice();
    // Who asks here is told that marks are owed.
    if (writers.some(({ changes }) => changes.owes(project))) return;
    const marks = await world.marksOf(project);
    checks += 1;
    for (const { id, at } of known)
      if (at < refresher.horizon && !refresher.derived.has(id) && !marks.some(([from, to]) => at >= from && at < to))
        missed.push(`${id} at ${at - BASE}, horizon ${refresher.horizon - BASE}`);
  };
  const checking = async (): Promise<void> => {
    while (running()) {
      await sleep(20);
      await check();
    }
  };
  await Promise.all([...writers.flatMap((writer) => [write(writer), write(writer)]), refresh(), disturb(), checking()]);

  for (const { debts } of writers) await debts.pay();
  await check();
  await refresher.advance(time());
  while ((await refresher.repair()) > 0) await sleep(100);
  expect(missed).toEqual([]);
  const byId = ([a]: [string, number], [b]: [string, number]): number => (a < b ? -1 : 1);
  const raw = await rawEvents(project, BASE, refresher.horizon);
  expect([...refresher.derived].sort(byId)).toEqual([...raw].sort(byId));
  expect(acknowledged.every(({ id, at }) => at >= refresher.horizon || refresher.derived.has(id))).toBe(true);
  expect({
    acknowledged: acknowledged.length > 200,
    steps: refresher.steps > 10,
    repairs: refresher.repairs > 10,
    checks: checks > 20,
  }).toEqual({ acknowledged: true, steps: true, repairs: true, checks: true });
});
