// Is an erasure finished wherever it was cut short, also of derived rows, and of many visitors at once? Each step is taken here.
import { sql } from 'drizzle-orm';
import { randomUUID } from 'node:crypto';
import { storeTotals, storeValues } from '../../src/aggregation/months/months.queries';
import { MonthsRepository } from '../../src/aggregation/months/months.repository';
import { Copier } from '../../src/aggregation/copies/copier';
import { Housekeeping } from '../../src/aggregation/housekeeping/housekeeping.processor';
import { VisitorRollupsEraser } from '../../src/aggregation/visitor-rollups.eraser';
import { KeyDirectory } from '../../src/auth';
import { DAY_MS } from '../../src/common/time-range';
import { ErasedVisitors, ErasureTimes, VisitorRows } from '../../src/events';
import { hashIdentifier } from '../../src/events/pipeline';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { Postgres } from '../../src/platform/postgres/postgres';
import type { Project } from '../../src/projects';
import { Volumes } from '../../src/stats/volumes';
import { ErasuresRepository } from '../../src/visitors/erasure/erasures.repository';
import { ErasurePurger } from '../../src/visitors/erasure/purger';
import { ErasureSweeper } from '../../src/visitors/erasure/sweeper';
import { type AProject, aProject, ask, askClickHouse, startTestApp, type TestApp, until } from '../support';
import { deriveNow, hurry } from '../support/derive';

jest.setTimeout(120_000);

let app: TestApp;
let hideStored: ErasureSweeper['hideStored'];
let sweep: ErasureSweeper['sweep'];
let purge: ErasurePurger['purge'];
beforeAll(async () => {
  app = await startTestApp();
  // Nobody erases but this test.
  const sweeper = the(ErasureSweeper);
  const purger = the(ErasurePurger);
  hideStored = sweeper.hideStored.bind(sweeper);
  sweep = sweeper.sweep.bind(sweeper);
  purge = purger.purge.bind(purger);
  sweeper.hideStored = sweeper.sweep = purger.purge = () => Promise.resolve(false);
  Object.assign(app.app.get(ErasureTimes, { strict: false }), { readersMs: 100, writersMs: 0, gatherMs: 0 });
  hurry(app, { fewestEvents: 50 });
  the(Housekeeping).look = () => Promise.resolve();
});
afterAll(() => app.close());
afterEach(() => jest.restoreAllMocks());

const the = <T>(token: new (...args: never[]) => T): T => app.app.get<T>(token, { strict: false });
const pg = async <T extends Record<string, unknown>>(query: ReturnType<typeof sql>): Promise<T[]> =>
  (await the(Postgres).run((db) => db.execute(query))).rows as T[];
const count = async (query: string): Promise<number> => Number(await askClickHouse(app.urls.clickhouse, query));
const projectOf = async (project: AProject): Promise<Project> => (await the(KeyDirectory).project(project.id))!;

const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
/** A day with 200 events of ten visitors, six days ago, and one with five of another. */
async function aBusyProject(): Promise<AProject> {
  const project = await aProject(app);
  const of = (day: number, each: number, visitorId: string) => ({
    id: randomUUID(),
    name: 'pageview',
    timestamp: new Date(today - day * DAY_MS + each * 60_000).toISOString(),
    visitorId,
    url: 'https://shop.example/',
  });
  const events = [
    ...Array.from({ length: 200 }, (_, each) => of(6, each, `v${each % 10}`)),
    ...Array.from({ length: 200 }, (_, each) => of(4, each, `w${each % 10}`)),
  ];
  const { body } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect(body).toMatchObject({ accepted: 400 });
  return project;
}
const derive = async (project: AProject, cells: number): Promise<void> => {
  const state = await until(
    async () => {
      await deriveNow(app);
      return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
    },
    ({ horizon, staleRanges, cells: held }) => horizon !== null && staleRanges === 0 && held === cells,
    20_000,
  );
  expect(state).toMatchObject({ staleRanges: 0, cells });
};
const hashOf = async (project: AProject, visitorId: string): Promise<string> =>
  hashIdentifier(await projectOf(project), 'v', visitorId);
const erase = async (project: AProject, id: string): Promise<string> => {
  const { status, body } = await ask<{ job: { id: string } }>(app, `/visitors/${id}`, {
    key: project.keys.adm,
    method: 'DELETE',
  });
  expect(status).toBe(202);
  return body.job.id;
};
/** Takes it off the disk, when whoever asked before has been answered. */
const purgeSoon = async (): Promise<void> => expect(await until(() => purge(), Boolean, 5_000)).toBe(true);
const jobOf = async (project: AProject, job: string) =>
  (await ask<{ state: string; progress: number }>(app, `/jobs/${job}`, { key: project.keys.adm })).body;
const stateOf = async (project: AProject, job: string): Promise<unknown> =>
  (await ask(app, `/jobs/${job}`, { key: project.keys.adm })).body['state'];
const visitorsOn = async (project: AProject, day: number): Promise<unknown> => {
  const date = new Date(today - day * DAY_MS).toISOString().slice(0, 10);
  const { body } = await ask<{ data: Record<string, unknown> }>(app, `/stats/overview?from=${date}&to=${date}`, {
    key: project.keys.adm,
  });
  return [body.data['visitors'], body.data['events']];
};

/** The two days as if they were a month that is over. @returns its version */
const addUp = async (number: number): Promise<number> => {
  const rows = await pg<{ at: string; version: string }>(
    sql`SELECT (extract(epoch FROM "from") * 1000)::bigint AS at, version FROM rollup_cells WHERE project = ${number} ORDER BY "from"`,
  );
  const range = { from: Number(rows[0]!.at), to: Number(rows.at(-1)!.at) + DAY_MS };
  const month = { project: number, range, cells: rows.map(({ version }) => Number(version)) };
  const repository = the(MonthsRepository);
  const version = await repository.version();
  await the(ClickHouse).run(storeTotals(month, version));
  await the(ClickHouse).run(storeValues(month, version, { whole: ['country'], counted: ['page'], first: 1 }));
  expect(await repository.point(month, version, { skipped: ['page'], counted: ['page'] })).toBe(true);
  expect(await count(`SELECT count() FROM rollup_values WHERE version = ${version}`)).toBeGreaterThan(0);
  return version;
};

const hiding = ['touched', 'delete', 'isAnyLeft', 'eraseVisitors', 'deleteRows'] as const;
const purging = ['purgeVisitors', 'purge', 'isAnyLeft'] as const;
const cuts = [...hiding.map((cut) => ({ cut, stage: 'hiding' })), ...purging.map((cut) => ({ cut, stage: 'purging' }))];

it.each(cuts)('is finished after it was cut short in $stage behind $cut', async ({ cut, stage }) => {
  const project = await aBusyProject();
  const { number } = await projectOf(project);
  await derive(project, 2);
  await the(Copier).run();
  const before = await pg<{ version: string; copy_version: string }>(
    sql`SELECT version, copy_version FROM rollup_cells WHERE project = ${number} ORDER BY "from"`,
  );
  const monthly = await addUp(number);
  const id = await hashOf(project, 'v3');
  const decimal = BigInt(`0x${id}`).toString();
  const job = await erase(project, id);
  expect(await visitorsOn(project, 6)).toEqual([10, 200]);

  const died = new Error('died');
  /** Does the step, and dies: nobody lets the claim go. */
  const dying = <T extends object>(on: T, method: keyof T & string): void => {
    const real = (on[method] as (...args: unknown[]) => Promise<unknown>).bind(on);
    jest
      .spyOn(on as Record<string, (...args: unknown[]) => Promise<unknown>>, method)
      .mockImplementationOnce(async (...args) => {
        await real(...args);
        throw died;
      });
  };
  const cutShort = (): void => {
    if (cut === 'eraseVisitors' || cut === 'purgeVisitors') dying(the(VisitorRollupsEraser), cut);
    else if (cut === 'deleteRows') dying(the(ErasuresRepository), cut);
    else dying(the(VisitorRows), cut);
    jest.spyOn(the(ErasuresRepository), 'hold').mockResolvedValue();
  };
  const theClaimIsOver = () => pg(sql`UPDATE visitor_erasures SET claimed_until = now() - interval '1 second'`);
  if (stage === 'hiding') {
    cutShort();
    await expect(sweep(number)).rejects.toThrow(died);
    expect(await stateOf(project, job)).not.toBe('completed');
    expect(await sweep(number)).toBe(false);
    await theClaimIsOver();
  }
  expect(await sweep(number)).toBe(true);
  const theirs = `SELECT count() FROM events WHERE project_id = ${number} AND visitor_id = ${decimal}`;
  const theirCopies = `SELECT count() FROM sampled_events WHERE project_id = ${number} AND visitor_id = ${decimal}`;
  const theirSequences = `SELECT sum(length(event.at)) FROM event_sequences WHERE project_id = ${number} AND visitor_id = ${decimal}`;
  expect(await count(theirs)).toBe(0);
  expect(await visitorsOn(project, 6)).toEqual([9, 180]);
  // Their copies are on the disk still, and nobody is told of them.
  expect(await count(theirCopies)).toBe(20);
  expect(await count(theirSequences)).toBe(20);
  const volume = await the(Volumes).of(number, 'UTC', { from: today - 100 * DAY_MS, to: today });
  expect(volume.sample(1)?.copies).toEqual({
    stretches: [{ from: today - 4 * DAY_MS, to: today - 3 * DAY_MS }],
    versions: [Number(before[1]!.copy_version)],
  });
  expect(volume.sequences?.cells).toEqual([
    { from: today - 4 * DAY_MS, to: today - 3 * DAY_MS, version: Number(before[1]!.copy_version) },
  ]);
  // Hidden is not gone.
  expect(await jobOf(project, job)).toMatchObject({ progress: 0.5 });
  expect(await stateOf(project, job)).not.toBe('completed');
  expect(await count(`${theirs} SETTINGS apply_deleted_mask = 0`)).toBe(20);
  if (stage === 'purging') {
    cutShort();
    await expect(until(() => purge(), Boolean, 5_000)).rejects.toThrow(died);
    expect(await stateOf(project, job)).not.toBe('completed');
    expect(await purge()).toBe(false);
    await theClaimIsOver();
  }
  await purgeSoon();

  expect(await jobOf(project, job)).toMatchObject({ state: 'completed', progress: 1 });
  expect(await count(`${theirs} SETTINGS apply_deleted_mask = 0`)).toBe(0);
  expect(await count(`${theirCopies} SETTINGS apply_deleted_mask = 0`)).toBe(0);
  expect(await count(`${theirSequences} SETTINGS apply_deleted_mask = 0`)).toBe(0);
  expect(await count(`SELECT count() FROM sampled_events WHERE version = ${before[1]!.copy_version}`)).toBe(200);
  // What was derived of its day, and of the month with it, is off the disk, of the other day is not.
  expect(await pg(sql`SELECT version FROM rollup_months WHERE project = ${number}`)).toEqual([]);
  for (const table of ['rollup_totals', 'rollup_values'])
    expect(await count(`SELECT count() FROM ${table} WHERE version = ${monthly}`)).toBe(0);
  for (const table of ['rollup_totals', 'rollup_values']) {
    const left = `SELECT count() FROM ${table} WHERE project_id = ${number}`;
    expect(await count(`${left} AND version = ${before[0]!.version}`)).toBe(0);
    expect(await count(`${left} AND version = ${before[1]!.version}`)).toBeGreaterThan(0);
  }
  expect(await visitorsOn(project, 6)).toEqual([9, 180]);
  expect(await visitorsOn(project, 4)).toEqual([10, 200]);
  await derive(project, 2);
  expect(await visitorsOn(project, 6)).toEqual([9, 180]);
});

it('takes those that wait in one go, and ends all of their jobs', async () => {
  const project = await aBusyProject();
  const { number } = await projectOf(project);
  const ids = await Promise.all(Array.from({ length: 8 }, (_, each) => hashOf(project, `v${each}`)));
  const jobs = await Promise.all(ids.map((id) => erase(project, id)));
  const deletions = jest.spyOn(the(VisitorRows), 'delete');
  expect(await sweep(number)).toBe(true);
  expect(deletions).toHaveBeenCalledTimes(1);
  await purgeSoon();
  expect(await Promise.all(jobs.map((job) => stateOf(project, job)))).toEqual(jobs.map(() => 'completed'));
  expect(await visitorsOn(project, 6)).toEqual([2, 40]);
  expect(await pg(sql`SELECT 1 FROM visitor_erasures WHERE project = ${number}`)).toEqual([]);
});

it('deletes what a process stored while it could not know of the erasure', async () => {
  const project = await aBusyProject();
  const { number } = await projectOf(project);
  const id = await hashOf(project, 'v1');
  await erase(project, id);
  await sweep(number);
  await purgeSoon();
  const erased = the(ErasedVisitors);
  // As of a replica whose Postgres was away since before.
  Object.assign(the(ErasureTimes), { viewMs: -1 });
  jest.spyOn(erased, 'refresh').mockResolvedValue();
  jest.spyOn(erased, 'lookUp').mockReturnValue(undefined);
  const late = {
    id: randomUUID(),
    name: 'late',
    visitorId: 'v1',
    timestamp: new Date(today - 6 * DAY_MS).toISOString(),
  };
  const { body } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events: [late] } });
  expect(body).toMatchObject({ accepted: 1 });
  expect(await visitorsOn(project, 6)).toEqual([10, 181]);
  jest.restoreAllMocks();
  await erased.refresh();
  Object.assign(the(ErasureTimes), { viewMs: 3_000 });
  expect(await the(ErasuresRepository).ripeProjects(0)).toContain(number);
  await sweep(number);
  expect(await visitorsOn(project, 6)).toEqual([9, 180]);
  await purgeSoon();
});

it('hides at once what is stored, and what was stored meanwhile when nothing more can be', async () => {
  const project = await aBusyProject();
  const { number } = await projectOf(project);
  await derive(project, 2);
  const job = await erase(project, await hashOf(project, 'v2'));
  expect(await hideStored(number)).toBe(true);
  expect(await visitorsOn(project, 6)).toEqual([9, 180]);
  expect(await jobOf(project, job)).toMatchObject({ progress: 0.25 });
  // It has been looked at, and is not hidden for good.
  expect(await hideStored(number)).toBe(false);
  await expect(purge()).resolves.toBe(false);
  // Of a process that did not know: a row as of the others, under an id of its own.
  const other = BigInt(`0x${await hashOf(project, 'v4')}`).toString();
  const theirs = BigInt(`0x${await hashOf(project, 'v2')}`).toString();
  await askClickHouse(
    app.urls.clickhouse,
    `INSERT INTO events SELECT * REPLACE (${theirs} AS visitor_id, generateUUIDv4() AS event_id) FROM events
     WHERE project_id = ${number} AND visitor_id = ${other}`,
  );
  expect(await sweep(number)).toBe(true);
  expect(await visitorsOn(project, 6)).toEqual([9, 180]);
  await purgeSoon();
  expect(await stateOf(project, job)).toBe('completed');
  expect(await count(`SELECT count() FROM events WHERE visitor_id = ${theirs} SETTINGS apply_deleted_mask = 0`)).toBe(
    0,
  );
});

it('writes a month anew once for visitors of several projects', async () => {
  const several = [await aBusyProject(), await aBusyProject()];
  const jobs = [];
  for (const project of several) {
    jobs.push(await erase(project, await hashOf(project, 'v5')));
    expect(await sweep((await projectOf(project)).number)).toBe(true);
  }
  // Whoever asked before the last of them was hidden has been answered.
  await until(
    () => pg(sql`SELECT 1 FROM visitor_erasures WHERE hidden_at <= now() - interval '100 milliseconds'`),
    (rows) => rows.length === several.length,
  );
  const rewriting = jest.spyOn(the(VisitorRows), 'purge');
  await purgeSoon();
  expect(rewriting).toHaveBeenCalledTimes(1);
  for (const [at, project] of several.entries()) {
    expect(await stateOf(project, jobs[at]!)).toBe('completed');
    expect(await visitorsOn(project, 6)).toEqual([9, 180]);
  }
  const hidden = `SELECT count() FROM system.parts
    WHERE database = currentDatabase() AND table = 'events' AND active AND has_lightweight_delete`;
  expect(await count(hidden)).toBe(0);
});

it('begins anew with a visitor of whom a row is found on the disk', async () => {
  const project = await aBusyProject();
  const { number } = await projectOf(project);
  const job = await erase(project, await hashOf(project, 'v6'));
  await sweep(number);
  // A rewriting that did not do its work.
  jest.spyOn(the(VisitorRows), 'purge').mockResolvedValueOnce();
  await expect(until(() => purge(), Boolean, 5_000)).rejects.toThrow('were found on the disk');
  expect(await stateOf(project, job)).not.toBe('completed');
  expect(await sweep(number)).toBe(true);
  await purgeSoon();
  expect(await stateOf(project, job)).toBe('completed');
});

it('hands over all that is held, and says that it did', async () => {
  const project = await aProject(app);
  const key = project.keys.sec;
  const at = new Date(today - DAY_MS).toISOString();
  const ada = hashIdentifier(await projectOf(project), 'u', 'ada');
  await ask(app, '/events/batch', {
    key,
    body: {
      events: [
        ...Array.from({ length: 1_200 }, () => ({ id: randomUUID(), name: 'a', visitorId: 'phone', timestamp: at })),
        { name: 'b', visitorId: 'phone', userId: 'ada', timestamp: at },
        { name: '', userId: 'ada' },
        { name: 'c', visitorId: 'bob', timestamp: at },
      ],
    },
  });
  await ask(app, '/visitors/identify', { key, body: { userId: 'ada', traits: { plan: 'pro' } } });
  const answer = await fetch(`${app.url}/api/v1/visitors/${ada}/export`, {
    method: 'POST',
    headers: { 'x-api-key': project.keys.adm },
  });
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
    200,
    'application/x-ndjson',
    `attachment; filename="visitor-${ada}.ndjson"`,
  ]);
  const lines = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  const held: Record<string, number> = {};
  for (const { type } of lines) held[type] = (held[type] ?? 0) + 1;
  expect(held).toEqual({ profile: 1, link: 1, traits: 1, session: 1, event: 1_201, rejected: 1 });
  const { body } = await ask<{ data: { action: string; target: { id: string } }[] }>(
    app,
    `/audit?targetType=visitor&targetId=${ada}`,
    { key: project.keys.adm },
  );
  expect(body.data).toMatchObject([{ action: 'visitor.exported' }]);
  expect(JSON.stringify(body)).not.toContain(ada);
  const none = await ask(app, '/visitors/0123456789abcdef/export', { key: project.keys.adm, method: 'POST' });
  expect(none.status).toBe(404);
});
