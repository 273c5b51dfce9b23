// Does the whole server derive, derive again, check itself and tell how far it is? On real stores, over HTTP.
import { RollupSnapshots } from '../../src/aggregation';
import { STORABLE } from '../../src/events/query';
import { CellStore } from '../../src/aggregation/cell-store';
import { CellsRepository } from '../../src/aggregation/cells.repository';
import { backfillCommand } from '../../src/cli/rollups/backfill-command';
import { verifyCommand } from '../../src/cli/rollups/verify-command';
import type { Output } from '../../src/cli/command';
import { DAY_MS, HOUR_MS } from '../../src/common/time-range';
import { KeyDirectory } from '../../src/auth';
import { aProject, ask, askClickHouse, startTestApp, until, type AProject, type TestApp } from '../support';
import { deriveNow, hurry } from '../support/derive';

interface Rollups {
  horizon: string | null;
  zone: string | null;
  revision: number;
  cells: number;
  detailedCells: number;
  events: number;
  staleRanges: number;
}

interface JobAnswer {
  id: string;
  state: string;
  progress: number;
  result: Record<string, number> | null;
}

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
  hurry(app);
});
afterAll(() => app.close());

const rollupsOf = async (project: AProject): Promise<Rollups> =>
  (await ask<Rollups>(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;

const jobOf = async (id: string): Promise<JobAnswer> =>
  (await ask<JobAnswer>(app, `/jobs/${id}`, { key: app.rootKey })).body;

const numberOf = async (project: AProject): Promise<number> =>
  (await app.app.get(KeyDirectory).project(project.id))?.number ?? 0;

/** Events of ten visitors on so many whole days in UTC, the last of which was yesterday and has them until noon. */
async function send(project: AProject, count: number, days: number): Promise<void> {
  const first = (Math.floor(Date.now() / DAY_MS) - days) * DAY_MS;
  const events = Array.from({ length: count }, (_, at) => ({
    name: 'pageview',
    timestamp: new Date(first + at * Math.floor(((days - 0.5) * DAY_MS) / count)).toISOString(),
    visitorId: `v${at % 10}`,
    url: `https://shop.example/p${at % 7}`,
  }));
  for (let at = 0; at < events.length; at += 2_000) {
    const answer = await ask(app, '/events/batch', {
      key: project.keys.sec,
      body: { events: events.slice(at, at + 2_000) },
    });
    expect(answer.body).toMatchObject({ accepted: Math.min(2_000, events.length - at) });
  }
}

const look = (): Promise<void> => deriveNow(app);

/** Until everything before the horizon is derived, and more if need be. */
const derived = (project: AProject, enough = ({ cells }: Rollups): boolean => cells > 0): Promise<Rollups> =>
  until(
    async () => {
      await look();
      return rollupsOf(project);
    },
    (state) => state.horizon !== null && state.staleRanges === 0 && enough(state),
    40_000,
  );

it('derives an old project by itself, and what comes late', async () => {
  const project = await aProject(app, { timezone: 'Europe/Berlin' });
  await send(project, 1_500, 3);
  const state = await derived(project);
  expect(state).toMatchObject({ zone: 'Europe/Berlin', events: 1_500 });
  expect(state.detailedCells).toBeGreaterThanOrEqual(2);
  await send(project, 300, 2);
  const after = await derived(project, ({ events }) => events === 1_800);
  expect(after.events).toBe(1_800);
  expect(after.revision).toBeGreaterThan(state.revision);
  const number = await numberOf(project);
  const horizon = Date.parse(after.horizon ?? '');
  for (const cell of await app.app.get(CellsRepository).cells(number, STORABLE))
    if (cell.detailed)
      expect(
        await app.app.get(CellStore).differs({ project: number, range: cell, cut: horizon, version: cell.version }),
      ).toEqual([]);
});

it('tells readers horizon, cells and what is stale as of one moment, and nothing in another zone', async () => {
  const project = await aProject(app, { timezone: 'Asia/Kathmandu' });
  await send(project, 600, 3);
  const { events } = await derived(project);
  const number = await numberOf(project);
  const snapshots = app.app.get(RollupSnapshots);
  const all = await snapshots.of(number, 'Asia/Kathmandu', { from: -1e15, to: 1e16 });
  expect(all?.cells.reduce((sum, cell) => sum + cell.events, 0)).toBe(events);
  expect(all?.stale).toEqual([]);
  expect(all?.openFrom).toBeLessThanOrEqual(all?.horizon ?? 0);
  const first = all?.cells[0];
  const part = await snapshots.of(number, 'Asia/Kathmandu', {
    from: (first?.from ?? 0) + HOUR_MS,
    to: (first?.from ?? 0) + 2 * HOUR_MS,
  });
  expect(part?.cells).toEqual([first]);
  expect(await snapshots.of(number, 'UTC', { from: 0, to: 1e15 })).toBeUndefined();
  expect(await snapshots.revisionOf(number)).toBe(all?.revision);
});

it('derives anew on request, and says how far that is', async () => {
  const project = await aProject(app);
  await send(project, 800, 4);
  const before = await derived(project);
  const { status, body } = await ask<{ job: JobAnswer }>(app, `/projects/${project.id}/backfill`, {
    key: project.keys.adm,
    body: {},
  });
  expect([status, body.job.result]).toEqual([202, { days: 4, done: 0 }]);
  expect((await rollupsOf(project)).staleRanges).toBeGreaterThan(0);
  const job = await until(
    async () => {
      await look();
      return jobOf(body.job.id);
    },
    ({ state }) => state === 'completed',
    40_000,
  );
  expect(job).toMatchObject({ state: 'completed', progress: 1, result: { days: 4, done: 4 } });
  expect(await rollupsOf(project)).toMatchObject({ staleRanges: 0, events: before.events, cells: before.cells });
  const day = new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10);
  const one = await ask<{ job: JobAnswer }>(app, `/projects/${project.id}/backfill`, {
    key: project.keys.adm,
    body: { from: day, to: day },
  });
  expect(one.body.job.result).toEqual({ days: 1, done: 0 });
});

it('refuses what is no range, and who may not', async () => {
  const project = await aProject(app);
  const statusOf = async (key: string, body: object): Promise<number> =>
    (await ask(app, `/projects/${project.id}/backfill`, { key, body })).status;
  expect(await statusOf(project.keys.adm, { from: 'yesterday' })).toBe(400);
  expect(await statusOf(project.keys.adm, { from: '2026-02-02', to: '2026-02-01' })).toBe(400);
  expect(await statusOf(project.keys.adm, { days: 3 })).toBe(400);
  expect(await statusOf(project.keys.sec, {})).toBe(403);
  expect(await statusOf((await aProject(app)).keys.adm, {})).toBe(404);
  expect((await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.sec })).status).toBe(403);
  expect((await ask(app, `/projects/${project.id}/verify`, { key: project.keys.sec, body: {} })).status).toBe(403);
});

describe('the commands', () => {
  const lines: string[] = [];
  const output: Output = { line: (text) => void lines.push(text), note: () => undefined, interactive: false };
  const call = (project: AProject): string[] => ['--project', project.name, '--url', app.url, '--key', app.rootKey];

  it('derive anew, find rows that are wrong, and put them right', async () => {
    const project = await aProject(app);
    await send(project, 700, 3);
    await derived(project);
    expect(await backfillCommand(call(project), {}, output)).toBe(0);
    expect(lines.pop()).toBe('3 of 3 days of one project were derived anew');
    const number = await numberOf(project);
    const [cell] = (await app.app.get(CellsRepository).cells(number, STORABLE)).filter(({ detailed }) => detailed);
    await askClickHouse(
      app.urls.clickhouse,
      `INSERT INTO rollup_totals SELECT * FROM rollup_totals WHERE project_id = ${number} AND version = ${cell?.version} LIMIT 1`,
    );
    expect(await verifyCommand(call(project), {}, output)).toBe(0);
    expect(lines.pop()?.split('\n')[1]).toMatch(/^Test [0-9a-f-]+ +\d+ +\d+ +1 +1 +0 +[\d.]+$/);
    expect(await verifyCommand(call(project), {}, output)).toBe(0);
    expect(lines.pop()?.split('\n')[1]).toMatch(/^Test [0-9a-f-]+ +(\d+) +\1 +0 +0 +0 +[\d.]+$/);
    const metrics = await (await fetch(`${app.url}/metrics`, { headers: { 'x-api-key': app.rootKey } })).text();
    expect(metrics).toMatch(/millrace_rollup_checks_total\{outcome="wrong"\} [1-9]/);
    expect(metrics).toMatch(/millrace_rollup_cells_total\{detailed="true"\} \d+/);
  });

  it('say how they are called, and what there is not', async () => {
    await expect(backfillCommand([], {}, output)).rejects.toThrow(/--project NAME/);
    await expect(verifyCommand(['--all', '--from', '2026-01-01'], {}, output)).rejects.toThrow(/not known/);
    await expect(
      backfillCommand(['--project', 'nobody', '--url', app.url, '--key', app.rootKey], {}, output),
    ).rejects.toThrow('there is no project "nobody"');
  });
});
