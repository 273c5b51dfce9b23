// Does a verification see what is not there, and does nothing stay of a project that is gone? The whole app on real stores.
import { sql } from 'drizzle-orm';
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
  }
  const rows = async (project: Project): Promise<number[]> =>
    Promise.all(
      ['rollup_totals', 'rollup_values'].map(async (table) =>
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
  expect(await rows(erased)).toEqual([0, 0]);
  await app.app.get(RollupsEraser).erase(erased);
  expect(await rows(erased)).toEqual([0, 0]);
  expect(await rows(other)).toEqual(before);
  expect(await verify(kept)).toEqual({ cells: 3, right: 3, wrong: 0, repaired: 0, moving: 0 });
});
