// Does a verification see what is not there, and does nothing stay of a project that is gone? The whole app on real stores.
import { sql } from 'drizzle-orm';
import { AggregationOptions } from '../../src/aggregation/aggregation.options';
import { MonthAdder } from '../../src/aggregation/months/month-adder';
import { Copier } from '../../src/aggregation/copies/copier';
import { RollingCounter } from '../../src/aggregation/rolling/rolling-counter';
import { Housekeeping } from '../../src/aggregation/housekeeping/housekeeping.processor';
import { RollupsEraser } from '../../src/aggregation/rollups.eraser';
import { KeyDirectory } from '../../src/auth';
import { DAY_MS } from '../../src/common/time-range';
import { Postgres } from '../../src/platform/postgres/postgres';
import type { Project } from '../../src/projects';
import { aProject, ask, askClickHouse, startTestApp, until, type AProject, type TestApp } from '../support';
import { deriveNow, hurry } from '../support/derive';

interface JobAnswer {
  id: string;
  state: string;
  result: Record<string, number> | null;
}

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
  hurry(app, { fewestEvents: 50 });
  // Nobody copies but this test.
  app.app.get(Housekeeping, { strict: false }).look = () => Promise.resolve();
});
afterAll(() => app.close());

const pg = (query: ReturnType<typeof sql>): Promise<unknown> => app.app.get(Postgres).run((db) => db.execute(query));
const projectOf = async (project: AProject): Promise<Project> => {
  const found = await app.app.get(KeyDirectory).project(project.id);
  if (found === undefined) throw new Error('There is no such project');
  return found;
};

/** Three days of events: many, few, many. */
async function send(project: AProject): Promise<void> {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const events = [200, 20, 200].flatMap((count, at) =>
    Array.from({ length: count }, (_, each) => ({
      name: 'pageview',
      timestamp: new Date(today - (6 - at) * DAY_MS + each * 60_000).toISOString(),
      visitorId: `v${each % 10}`,
      url: 'https://shop.example/',
    })),
  );
  const answer = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect(answer.body).toMatchObject({ accepted: 420 });
}

const look = (): Promise<void> => deriveNow(app);
const derived = async (project: AProject): Promise<void> => {
  const state = await until(
    async () => {
      await look();
      return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
    },
    ({ horizon, staleRanges, cells }) => horizon !== null && staleRanges === 0 && cells === 3,
    40_000,
  );
  expect(state).toMatchObject({ cells: 3, detailedCells: 2, events: 420, staleRanges: 0 });
};
const verify = async (project: AProject): Promise<Record<string, number> | null> => {
  const { body } = await ask<{ job: JobAnswer }>(app, `/projects/${project.id}/verify`, {
    key: project.keys.adm,
    body: {},
  });
  const job = await until(
    async () => {
      await look();
      return (await ask<JobAnswer>(app, `/jobs/${body.job.id}`, { key: app.rootKey })).body;
    },
    ({ state }) => state === 'completed',
    40_000,
  );
  expect(job.state).toBe('completed');
  return job.result;
};

/** A project whose three days are derived, and none of it copied. */
const aDerived = async () => {
  const project = await aProject(app);
  await send(project);
  await derived(project);
  const { number } = await projectOf(project);
  return {
    project,
    number,
    copier: app.app.get(Copier, { strict: false }),
    options: app.app.get(AggregationOptions, { strict: false }),
  };
};

it('a verification finds cells that are gone, and pointers that count wrong, and has both put right', async () => {
  const project = await aProject(app, { timezone: 'America/New_York' });
  await send(project);
  const { number } = await projectOf(project);
  await until(
    async () => {
      await look();
      return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
    },
    ({ horizon, staleRanges, events }) => horizon !== null && staleRanges === 0 && events === 420,
    40_000,
  );
  const first = await verify(project);
  const cells = first?.['cells'] ?? 0;
  expect(first).toEqual({ cells, right: cells, wrong: 0, repaired: 0, moving: 0 });
  const oldest = sql`(SELECT min("from") FROM rollup_cells WHERE project = ${number})`;
  await pg(sql`DELETE FROM rollup_cells WHERE project = ${number} AND "from" = ${oldest}`);
  expect(await verify(project)).toEqual({ cells, right: cells - 1, wrong: 1, repaired: 1, moving: 0 });
  // One with rows and one without: of both the pointer says how many events there are.
  await pg(sql`UPDATE rollup_cells SET events = events + 1 WHERE project = ${number} AND "from" = ${oldest}`);
  await pg(sql`UPDATE rollup_cells SET events = events - 1 WHERE project = ${number} AND "from" =
    (SELECT min("from") FROM rollup_cells WHERE project = ${number} AND NOT detailed)`);
  expect(await verify(project)).toEqual({ cells, right: cells - 2, wrong: 2, repaired: 2, moving: 0 });
  expect(await verify(project)).toEqual(first);
});

it('a verification finds copies that are not what the events say, and they are made again', async () => {
  const { project, number, copier } = await aDerived();
  await copier.run();
  const copies = async (): Promise<unknown> =>
    Object.values(
      JSON.parse(
        await askClickHouse(
          app.urls.clickhouse,
          `SELECT count() AS rows, uniqExact(version) AS versions FROM sampled_events WHERE project_id = ${number}
          FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0`,
        ),
      ) as object,
    );
  // The middle day is too small.
  expect(await copies()).toEqual([400, 2]);
  expect(await verify(project)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
  await askClickHouse(
    app.urls.clickhouse,
    `ALTER TABLE sampled_events UPDATE path = '/wrong' WHERE project_id = ${number} AND ts = toStartOfDay(now()) - INTERVAL 6 DAY
     SETTINGS mutations_sync = 2`,
  );
  expect(await verify(project)).toEqual({ cells: 3, right: 2, wrong: 1, repaired: 1, moving: 0 });
  await copier.run();
  // The wrong one is litter now.
  expect(await copies()).toEqual([600, 3]);
  expect(await verify(project)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
  await askClickHouse(
    app.urls.clickhouse,
    `ALTER TABLE event_sequences UPDATE \`event.name\` = arrayMap(name -> 'wrong', event.name) WHERE project_id = ${number} AND start = toStartOfDay(now()) - INTERVAL 6 DAY
     SETTINGS mutations_sync = 2`,
  );
  expect(await verify(project)).toEqual({ cells: 3, right: 2, wrong: 1, repaired: 1, moving: 0 });
  await copier.run();
  expect(await verify(project)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
});

it('a copy that is cut short counts for nothing, and is made again', async () => {
  const { number, copier, options } = await aDerived();
  const pointed = async (): Promise<unknown[]> => {
    const { rows } = (await pg(
      sql`SELECT copy_of FROM rollup_cells WHERE project = ${number} AND copy_version IS NOT NULL`,
    )) as { rows: unknown[] };
    return rows;
  };
  options.onStep = () => {
    throw new Error('cut short');
  };
  await expect(copier.run()).rejects.toThrow('cut short');
  options.onStep = () => undefined;
  expect(await pointed()).toEqual([]);
  // Another one derives the first cell again while it is copied; what was copied is of the cell that was.
  options.onStep = async () => {
    options.onStep = () => undefined;
    await pg(sql`UPDATE rollup_cells SET version = nextval('rollup_versions') WHERE project = ${number}
      AND "to" = (SELECT max("to") FROM rollup_cells WHERE project = ${number})`);
  };
  expect(await copier.run()).toBe(1);
  expect(await pointed()).toEqual([{ copy_of: 1 }]);
  expect(await copier.run()).toBe(1);
  expect(await pointed()).toEqual([{ copy_of: 1 }, { copy_of: 1 }]);
  // What is stale waits until it is derived again.
  await pg(sql`UPDATE rollup_cells SET copy_version = NULL, has_sequences = false WHERE project = ${number}`);
  await pg(sql`INSERT INTO stale_ranges (project, "from", "to", until) SELECT project, "from", "to", now() + interval '1 hour'
    FROM rollup_cells WHERE project = ${number} ORDER BY "from" LIMIT 1`);
  expect(await copier.run()).toBe(1);
});

it('sequences are kept of cells up to a limit, and of larger ones once it is raised', async () => {
  const { project, number, copier, options } = await aDerived();
  const usual = options.mostSequenced;
  const kept = async (): Promise<number[]> =>
    Promise.all(
      ['sampled_events', 'event_sequences'].map(async (table) =>
        Number(
          await askClickHouse(
            app.urls.clickhouse,
            `SELECT uniqExact(version) FROM ${table} WHERE project_id = ${number}`,
          ),
        ),
      ),
    );
  // Two cells have 200 events each; a third is too small for any copy.
  options.mostSequenced = 199;
  try {
    await copier.run();
    expect(await copier.run()).toBe(0);
    expect(await kept()).toEqual([2, 0]);
  } finally {
    options.mostSequenced = usual;
  }
  expect(await copier.run()).toBeGreaterThan(1);
  // What had no sequences is litter now.
  expect(await kept()).toEqual([4, 2]);
  expect(await verify(project)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
});

it('days of another zone are counted across two of the project’s, counted again when these change, and checked', async () => {
  const project = await aProject(app);
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const event = (at: number, visitor: string) => ({
    name: 'pageview',
    timestamp: new Date(at).toISOString(),
    visitorId: visitor,
    url: 'https://shop.example/',
  });
  const events = Array.from({ length: 3 * 96 }, (_, at) => event(today - 6 * DAY_MS + at * 15 * 60_000, `v${at % 40}`));
  await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  const { number } = await projectOf(project);
  const allDerived = (): Promise<unknown> =>
    until(
      async () => {
        await look();
        return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
      },
      ({ horizon, staleRanges, detailedCells }) => horizon !== null && staleRanges === 0 && detailedCells === 3,
      40_000,
    );
  const counter = app.app.get(RollingCounter, { strict: false });
  const kept = async (): Promise<unknown[]> => {
    const { rows } =
      (await pg(sql`SELECT rolling_next = lead(version) OVER (ORDER BY "from") AS current, cardinality(rolling_visitors) AS numbers
      FROM rollup_cells WHERE project = ${number} ORDER BY "from"`)) as { rows: unknown[] };
    return rows;
  };
  const day = (at: number): string => new Date(today + at * DAY_MS).toISOString().slice(0, 10);
  const path = `/stats/timeseries?from=${day(-6)}&to=${day(-3)}&interval=day&timezone=Asia/Kathmandu`;
  const chart = async (more = ''): Promise<number[]> => {
    const { body } = await ask<{ data: { visitors: number }[] }>(app, path + more, { key: project.keys.adm });
    return body.data.map(({ visitors }) => visitors);
  };
  await allDerived();
  const before = await chart();
  expect(await counter.run()).toBe(2);
  expect(await counter.run()).toBe(0);
  expect(await kept()).toEqual([
    { current: true, numbers: 96 },
    { current: true, numbers: 96 },
    { current: null, numbers: null },
  ]);
  expect(await chart()).toEqual(before);
  // A number that is wrong is shown, so it was read; then it is found.
  await pg(sql`UPDATE rollup_cells SET rolling_visitors = array_fill(7, ARRAY[96]) WHERE project = ${number}
    AND "from" = (SELECT min("from") FROM rollup_cells WHERE project = ${number})`);
  expect(await chart('&explain=true')).toContain(7);
  expect(await verify(project)).toEqual({ cells: 3, right: 2, wrong: 1, repaired: 1, moving: 0 });
  expect(await counter.run()).toBe(1);
  expect(await chart('&explain=true')).toEqual(before);
  // Of a day that is another one now nothing is taken that was counted before.
  await pg(sql`UPDATE rollup_cells SET rolling_visitors = array_fill(7, ARRAY[96]) WHERE project = ${number}`);
  await ask(app, '/events', { key: project.keys.sec, body: event(today - 4.5 * DAY_MS, 'late') });
  await allDerived();
  const late = await chart('&precision=exact');
  expect(late).not.toEqual(before);
  expect(await chart()).toEqual(late);
  expect(await counter.run()).toBe(2);
  expect(await chart('&explain=true')).toEqual(late);
});

/** A month that is over for long. */
const monthBeforeLast = (): { begin: number; end: number } => {
  const today = new Date();
  const firstOf = (ago: number): number => Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - ago, 1);
  return { begin: firstOf(2), end: firstOf(1) };
};

/** 60 events of a day. @param at which day it is: each has other visitors and pages */
const eventsOfDay = (day: number, at: number): { timestamp: string; [name: string]: unknown }[] =>
  Array.from({ length: 60 }, (_, each) => ({
    name: 'pageview',
    timestamp: new Date(day + each * 20 * 60_000).toISOString(),
    visitorId: `v${(each + 10 * at) % 40}`,
    // More pages than a month keeps.
    url: `https://shop.example/${at}/${each}`,
    properties: { plan: `plan ${each % 4}` },
  }));

it('months that are over are added up, again when a day of them changes, and checked', async () => {
  const project = await aProject(app);
  const { number } = await projectOf(project);
  const { begin, end } = monthBeforeLast();
  const events = [begin, begin + DAY_MS, end - DAY_MS].flatMap(eventsOfDay);
  const send = (body: object): Promise<unknown> => ask(app, '/events/batch', { key: project.keys.sec, body });
  const allDerived = (events: number): Promise<unknown> =>
    until(
      async () => {
        await look();
        return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
      },
      (state) => state['staleRanges'] === 0 && state['events'] === events && state['detailedCells'] === 3,
      40_000,
    );
  await send({ events });
  await allDerived(180);
  const adder = app.app.get(MonthAdder, { strict: false });
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const range = `from=${day(begin)}&to=${day(end - DAY_MS)}`;
  const answers = async (more = ''): Promise<unknown[]> =>
    Promise.all(
      ['overview?', 'breakdown/property:plan?', 'pages?limit=5&', 'timeseries?interval=month&'].map(
        async (path) =>
          (await ask<{ data: unknown }>(app, `/stats/${path}${range}${more}`, { key: project.keys.adm })).body.data,
      ),
    );
  const before = await answers('&precision=exact');
  expect(await adder.run()).toBe(1);
  expect(await adder.run()).toBe(0);
  const months = async (): Promise<unknown[]> => {
    const { rows } = (await pg(
      sql`SELECT skipped, cardinality(cells) AS cells FROM rollup_months WHERE project = ${number}`,
    )) as {
      rows: unknown[];
    };
    return rows;
  };
  expect(await months()).toEqual([{ skipped: ['entryPage', 'exitPage', 'page'], cells: 3 }]);
  expect(await answers('&explain=true')).toEqual(before);
  expect(await verify(project)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
  // Rows that are wrong are shown, so they were read; then they are found.
  const damage = (): Promise<string> =>
    askClickHouse(
      app.urls.clickhouse,
      `ALTER TABLE rollup_totals UPDATE events = 7 WHERE project_id = ${number} AND grain = 'm' SETTINGS mutations_sync = 2`,
    );
  await damage();
  expect(await answers('&explain=true')).toMatchObject([{ events: 7 }, before[1], before[2], [{ events: 7 }]]);
  expect(await verify(project)).toEqual({ cells: 3, right: 2, wrong: 1, repaired: 1, moving: 0 });
  expect(await answers('&explain=true')).toEqual(before);
  expect(await adder.run()).toBe(1);
  // A month of which a day is another one now counts for nothing.
  await damage();
  await send({ events: [{ ...events[70], visitorId: 'late' }] });
  await allDerived(181);
  const late = await answers('&precision=exact');
  expect(late).not.toEqual(before);
  expect(await answers()).toEqual(late);
  expect(await adder.run()).toBe(1);
  expect(await answers('&explain=true')).toEqual(late);
  // Where its cells are gone, so is its pointer.
  await pg(sql`DELETE FROM rollup_cells WHERE project = ${number}`);
  await adder.run();
  expect(await months()).toEqual([]);
});

it('a month of many pages answers for the first of them, and its cells for the others', async () => {
  const project = await aProject(app);
  const { number } = await projectOf(project);
  const { begin, end } = monthBeforeLast();
  const events = [begin, begin + DAY_MS, end - DAY_MS].flatMap(eventsOfDay);
  await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  await until(
    async () => {
      await look();
      return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
    },
    (state) => state['staleRanges'] === 0 && state['detailedCells'] === 3,
    40_000,
  );
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const firstPages = async (more = ''): Promise<{ pageviews: number }[]> => {
    const path = `/stats/pages?limit=5&metrics=visitors,pageviews&from=${day(begin)}&to=${day(end - DAY_MS)}${more}`;
    return (await ask<{ data: { pageviews: number }[] }>(app, path, { key: project.keys.adm })).body.data;
  };
  const before = await firstPages('&precision=exact');
  const options = app.app.get(AggregationOptions, { strict: false });
  const { monthSizes } = options;
  options.monthSizes = { whole: 100, first: 2, fewer: 1 };
  const adder = app.app.get(MonthAdder, { strict: false });
  try {
    expect(await adder.run()).toBe(1);
    const dimensions = ['entryPage', 'exitPage', 'page'];
    const months = async (): Promise<unknown> =>
      pg(sql`SELECT skipped, counted, counted_of = version AS said FROM rollup_months WHERE project = ${number}`);
    expect(await months()).toMatchObject({ rows: [{ skipped: dimensions, counted: dimensions, said: true }] });
    expect(await firstPages()).toEqual(before);
    expect(await verify(project)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
    // Figures that are wrong are shown of values that have their states there, so they were read, and of no others.
    await askClickHouse(
      app.urls.clickhouse,
      `ALTER TABLE rollup_values UPDATE pageviews = 7 WHERE project_id = ${number} AND dimension = 'page' AND version IN
        (SELECT version FROM rollup_totals WHERE project_id = ${number} AND grain = 'm') SETTINGS mutations_sync = 2`,
    );
    expect((await firstPages('&explain=true')).map(({ pageviews }) => pageviews)).toEqual([7, 7, 1, 1, 1]);
    // A release that counts nothing has added the month up again.
    await pg(sql`UPDATE rollup_months SET version = nextval('rollup_versions') WHERE project = ${number}`);
    expect(await firstPages()).toEqual(before);
    expect(await adder.run()).toBe(1);
    expect(await months()).toMatchObject({ rows: [{ counted: dimensions, said: true }] });
    expect(await firstPages('&explain=true')).toEqual(before);
  } finally {
    options.monthSizes = monthSizes;
  }
});

it('a month that was added up before its first day came counts once', async () => {
  const project = await aProject(app);
  const { number } = await projectOf(project);
  const { begin } = monthBeforeLast();
  const derivedFrom = async (days: readonly number[], cells: number): Promise<void> => {
    const events = days.flatMap((day) => eventsOfDay(day, (day - begin) / DAY_MS));
    await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
    await until(
      async () => {
        await look();
        return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
      },
      (state) => state['staleRanges'] === 0 && state['events'] === 60 * cells && state['detailedCells'] === cells,
      40_000,
    );
  };
  const adder = app.app.get(MonthAdder, { strict: false });
  const months = async (): Promise<unknown> =>
    pg(sql`SELECT cardinality(cells) AS cells FROM rollup_months WHERE project = ${number} ORDER BY "from"`);
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const answers = async (more: string): Promise<unknown[]> =>
    Promise.all(
      ['overview?', 'breakdown/property:plan?'].map(
        async (path) =>
          (
            await ask<{ data: unknown }>(
              app,
              `/stats/${path}from=${day(begin)}&to=${day(begin + 20 * DAY_MS)}${more}`,
              {
                key: project.keys.adm,
              },
            )
          ).body.data,
      ),
    );
  // Days that are so far from the first that they are not derived again with it.
  await derivedFrom([begin + 10 * DAY_MS, begin + 11 * DAY_MS], 2);
  await adder.run();
  expect(await months()).toMatchObject({ rows: [{ cells: 2 }] });
  await derivedFrom([begin], 3);
  await adder.run();
  expect(await months()).toMatchObject({ rows: [{ cells: 3 }, { cells: 2 }] });
  expect(await answers('&explain=true')).toEqual(await answers('&precision=exact'));
  await adder.run();
  expect(await months()).toMatchObject({ rows: [{ cells: 3 }] });
  expect(await answers('&explain=true')).toEqual(await answers('&precision=exact'));
});

it('a month that is added up while a day of it changes counts for nothing', async () => {
  const project = await aProject(app);
  const { number } = await projectOf(project);
  const { begin } = monthBeforeLast();
  const cell = (at: number, version: number) =>
    sql`(${number}, ${new Date(begin + at * DAY_MS).toISOString()}, ${new Date(begin + (at + 1) * DAY_MS).toISOString()}, ${version}, 100, true, '{}')`;
  await pg(sql`INSERT INTO event_horizons (project, horizon, open_from, zone, revision) VALUES (${number}, now(), now(), 'UTC', 1)
    ON CONFLICT (project) DO UPDATE SET horizon = now(), open_from = now(), zone = 'UTC'`);
  await pg(
    sql`INSERT INTO rollup_cells (project, "from", "to", version, events, detailed, skipped) VALUES ${cell(0, 900_001)}, ${cell(1, 900_002)}`,
  );
  const options = app.app.get(AggregationOptions, { strict: false });
  const adder = app.app.get(MonthAdder, { strict: false });
  options.onStep = async () => {
    options.onStep = () => undefined;
    await pg(sql`UPDATE rollup_cells SET version = 900_003 WHERE project = ${number} AND version = 900_002`);
  };
  expect(await adder.run()).toBe(1);
  const { rows } = (await pg(sql`SELECT cells FROM rollup_months WHERE project = ${number}`)) as { rows: unknown[] };
  expect(rows).toEqual([{ cells: ['900001', '900003'] }]);
});

it('ranges that leave the same rest do not hold up their project', async () => {
  const project = await aProject(app);
  await send(project);
  await derived(project);
  const { number } = await projectOf(project);
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const at = (daysAgo: number): string => new Date(today - daysAgo * DAY_MS).toISOString();
  await pg(sql`INSERT INTO stale_ranges (project, "from", "to", until)
    VALUES (${number}, ${at(6)}, ${at(4)}, now()), (${number}, ${at(6)}, ${at(4.5)}, to_timestamp(0))`);
  await derived(project);
  expect(await verify(project)).toMatchObject({ wrong: 0 });
});

it('nothing that was derived of a project stays when it is gone, and of others all does', async () => {
  const [gone, kept] = [await aProject(app), await aProject(app)];
  for (const project of [gone, kept]) {
    await send(project);
    await derived(project);
    await app.app.get(Copier, { strict: false }).run();
  }
  const rows = async (project: Project): Promise<number[]> =>
    Promise.all(
      ['rollup_totals', 'rollup_values', 'sampled_events', 'event_sequences'].map(async (table) =>
        Number(
          await askClickHouse(app.urls.clickhouse, `SELECT count() FROM ${table} WHERE project_id = ${project.number}`),
        ),
      ),
    );
  const [erased, other] = [await projectOf(gone), await projectOf(kept)];
  const before = await rows(other);
  expect((await rows(erased)).every((count) => count > 0)).toBe(true);
  const { body } = await ask<{ job: JobAnswer }>(app, `/projects/${gone.id}`, { method: 'DELETE', key: app.rootKey });
  const job = await until(
    async () => (await ask<JobAnswer>(app, `/jobs/${body.job.id}`, { key: app.rootKey })).body,
    ({ state }) => state === 'completed',
    60_000,
  );
  expect(job.state).toBe('completed');
  expect(await rows(erased)).toEqual([0, 0, 0, 0]);
  await app.app.get(RollupsEraser).erase(erased);
  expect(await rows(erased)).toEqual([0, 0, 0, 0]);
  expect(await rows(other)).toEqual(before);
  expect(await verify(kept)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
});
