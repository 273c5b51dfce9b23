// Does anybody see what is older than a project keeps? Every reader, before it is deleted and after, from raw events and from derived rows.
import { ExpiredEvents } from '../../src/aggregation/housekeeping/expired-events';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/common/time-range';
import { shownFrom } from '../../src/projects';
import { aProject, ask, askClickHouse, startTestApp, until, type AProject, type TestApp } from '../support';
import { deriveNow, hurry } from '../support/derive';

const KEPT_DAYS = 10;
const OLD_ID = '01890000-0000-7000-8000-000000000001';

let app: TestApp;
let project: AProject;
/** From when on events are shown, about. */
let boundary: number;
const now = Date.now();

const iso = (at: number): string => new Date(at).toISOString();
const day = (at: number): string => iso(at).slice(0, 10);
const expired = (): ExpiredEvents => app.app.get(ExpiredEvents, { strict: false });

beforeAll(async () => {
  app = await startTestApp();
  hurry(app, { fewestEvents: 1 });
  // The chore comes when the test says so.
  jest.spyOn(expired(), 'run').mockResolvedValue(0);
  project = await aProject(app);
  boundary = now - KEPT_DAYS * DAY_MS;
  const many = (count: number, from: number, more: object) =>
    Array.from({ length: count }, (_, at) => ({
      name: 'pageview',
      timestamp: iso(from + at * MINUTE_MS),
      visitorId: `v${at % 10}`,
      url: 'https://shop.example/kept',
      ...more,
    }));
  const old = { name: 'old', url: 'https://shop.example/old', properties: { old: 'yes' } };
  const crossing = { visitorId: 'x', sessionId: 's', url: 'https://shop.example/crossing' };
  const events = [
    { ...many(1, now - 20 * DAY_MS - HOUR_MS, old)[0], id: OLD_ID },
    ...many(40, now - 20 * DAY_MS, old),
    ...many(1, boundary - 6 * HOUR_MS, crossing),
    ...many(1, boundary + 6 * HOUR_MS, crossing),
    ...many(60, now - 3 * DAY_MS, { properties: { kept: 1 } }),
  ];
  const answer = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect(answer.body).toMatchObject({ accepted: 103 });
  await derived();
  const patched = await ask(app, `/projects/${project.id}`, {
    method: 'PATCH',
    key: project.keys.adm,
    body: { settings: { retentionDays: KEPT_DAYS } },
  });
  expect(patched.status).toBe(200);
});
afterAll(() => app.close());

/** Until everything before the horizon is derived. */
async function derived(): Promise<void> {
  const state = await until(
    async () => {
      await deriveNow(app);
      return (await ask(app, `/projects/${project.id}/rollups`, { key: project.keys.adm })).body;
    },
    ({ horizon, staleRanges, cells }) => horizon !== null && staleRanges === 0 && Number(cells) > 0,
    60_000,
  );
  expect(state).toMatchObject({ staleRanges: 0 });
}

const get = async <T = { data: never; meta: { from: string } }>(path: string): Promise<T> => {
  const { status, body } = await ask<T>(app, path, { key: project.keys.sec });
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return body;
};
const exportOf = async (): Promise<string[]> => {
  const answer = await fetch(`${app.url}/api/v1/events/export?format=ndjson&period=all`, {
    headers: { 'x-api-key': project.keys.sec },
  });
  return (await answer.text()).trim().split('\n');
};

const METRICS = 'visitors,sessions,pageviews,events,bounceRate';
const KEPT = { visitors: 11, sessions: 11, pageviews: 61, events: 61, bounceRate: 1 / 11 };
const NONE = { visitors: 0, sessions: 0, pageviews: 0, events: 0, bounceRate: 0 };

/** What every reader says. */
async function seen(precision: 'auto' | 'exact'): Promise<void> {
  const from = day(now - 30 * DAY_MS);
  const range = `from=${from}&to=${day(now)}&precision=${precision}`;
  const overview = await get(`/stats/overview?${range}`);
  expect(overview.data).toMatchObject(KEPT);
  expect(overview.meta.from).toBe(iso(Date.parse(from)));
  const series = await get<{ data: { time: string; events: number; sessions: number }[] }>(
    `/stats/timeseries?${range}&interval=day&metrics=${METRICS}`,
  );
  expect(series.data).toHaveLength(31);
  expect(series.data.filter(({ time }) => Date.parse(time) + DAY_MS <= boundary)).toEqual(
    series.data.slice(0, 20).map(({ time }) => ({ time, ...NONE })),
  );
  expect(series.data.reduce((sum, { events }) => sum + events, 0)).toBe(61);
  expect(series.data.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(11);
  const pages = await get<{ data: object[] }>(`/stats/pages?${range}&metrics=sessions,events`);
  expect(pages.data).toEqual([
    { value: '/kept', sessions: 10, events: 60 },
    { value: '/crossing', sessions: 1, events: 1 },
  ]);
  const before = `from=${from}&to=${day(now - 15 * DAY_MS)}&precision=${precision}`;
  expect((await get(`/stats/overview?${before}`)).data).toMatchObject(NONE);
  expect((await get(`/stats/breakdown/page?${before}`)).data).toEqual([]);
  const all = await get(`/stats/overview?period=all&precision=${precision}`);
  expect([all.data, all.meta.from.slice(0, 10)]).toMatchObject([KEPT, day(boundary + 6 * HOUR_MS)]);
}

async function listed(): Promise<void> {
  const names = async (path: string): Promise<unknown[]> => (await get<{ data: unknown[] }>(path)).data;
  for (const order of ['asc', 'desc']) expect(await names(`/events?limit=1000&order=${order}`)).toHaveLength(61);
  expect(await names(`/events?from=${day(now - 25 * DAY_MS)}&to=${day(now - 15 * DAY_MS)}`)).toEqual([]);
  expect((await ask(app, `/events/${OLD_ID}`, { key: project.keys.sec })).status).toBe(404);
  expect(await names('/events/summary?period=all')).toMatchObject([{ name: 'pageview', events: 61, visitors: 11 }]);
  expect(await names('/events/properties?period=all')).toMatchObject([{ key: 'kept' }]);
  expect(await names('/events/properties/old/values?period=all')).toEqual([]);
  expect(await names('/events/properties/kept/values?period=all')).toEqual([{ value: 1, events: 60 }]);
  const series = await get<{ data: { counts: Record<string, number> }[]; meta: { from: string } }>(
    '/events/timeseries?period=all&interval=day',
  );
  expect(series.meta.from.slice(0, 10)).toBe(day(boundary + 6 * HOUR_MS));
  expect(series.data.reduce((sum, { counts }) => sum + (counts['pageview'] ?? 0) + (counts['old'] ?? 0), 0)).toBe(61);
  const lines = await exportOf();
  expect(lines).toHaveLength(61);
  expect(lines.join()).not.toContain('/old');
  const filters = encodeURIComponent(JSON.stringify(['is', 'entryPage', ['/crossing']]));
  expect(await names(`/events?limit=1000&filters=${filters}`)).toHaveLength(1);
}

it('nobody does before it is deleted: not in figures, derived or not, nor in lists and files', async () => {
  expect(await askClickHouse(app.urls.clickhouse, `SELECT count() FROM events WHERE name = 'old'`)).toMatch(/^41\s*$/);
  await seen('exact');
  await seen('auto');
  // Of the days that are kept whole.
  const { meta } = await get<{ meta: { explain: { parts: { table: string }[] } } }>(
    `/stats/overview?from=${day(now - 30 * DAY_MS)}&to=${day(now)}&explain=true`,
  );
  expect(meta.explain.parts.map(({ table }) => table)).toContain('rollup');
  await listed();
});

it('nobody does once it is deleted, nor in between', async () => {
  jest.restoreAllMocks();
  expect(await expired().run()).toBe(1);
  expect(await askClickHouse(app.urls.clickhouse, `SELECT count() FROM events WHERE name = 'old'`)).toMatch(/^0\s*$/);
  await seen('auto');
  await derived();
  await seen('exact');
  await seen('auto');
  await listed();
});

it('begins at a whole minute, so that a question can be the same twice', () => {
  const settings = { retentionDays: 1 } as Parameters<typeof shownFrom>[0]['settings'];
  const at = Date.UTC(2026, 4, 10, 12, 30, 15);
  expect(shownFrom({ settings }, at)).toBe(Date.UTC(2026, 4, 9, 12, 31));
  expect(shownFrom({ settings }, Date.UTC(2026, 4, 10, 12, 30))).toBe(Date.UTC(2026, 4, 9, 12, 30));
  expect(shownFrom({ settings: { ...settings, retentionDays: null } }, at)).toBeUndefined();
});
