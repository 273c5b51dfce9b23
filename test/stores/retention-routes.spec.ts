// Do the routes of retention, lifecycle and stickiness keep the contract, from an event sent to a figure read?
import { randomUUID } from 'node:crypto';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

let app: TestApp;
let shop: AProject;

const DAY = 86_400_000;
const day = (offset: number): string => new Date(Date.now() + offset * DAY).toISOString().slice(0, 10);
const event = (visitorId: string, offset: number, more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp: new Date(Date.now() + offset * DAY).toISOString(),
  visitorId,
  url: 'https://shop.example/',
  ...more,
});

beforeAll(async () => {
  app = await startTestApp();
  shop = await aProject(app, { timezone: 'UTC' });
  const events = [
    event('ada', -3),
    event('ada', -2, { url: 'https://shop.example/thanks/1' }),
    event('ada', -1, { name: 'buy' }),
    event('bob', -3, { properties: { plan: 'pro' } }),
    event('cy', -1),
  ];
  const { status } = await ask(app, '/events/batch', { key: shop.keys.sec, body: { events } });
  expect(status).toBe(200);
  const goal = await ask(app, '/goals', { key: shop.keys.adm, body: { name: 'Thanked', page: '/thanks/**' } });
  expect(goal.status).toBe(201);
});
afterAll(() => app.close());

interface Body {
  data: { cohort: string; size: number; cells: { visitors: number | null; rate: number | null; state: string }[] }[];
  averages: unknown[];
  breakdown?: { rows: { value: string | null; size: number }[]; other?: { size: number } };
  comparison?: Body;
  meta: Record<string, unknown> & { explain?: { parts: { name: string; table: string; rows: number }[] } };
}
const get = <T = Body>(path: string, parameters: Record<string, string> = {}, key = shop.keys.sec) =>
  ask<T>(app, `/stats/${path}?${new URLSearchParams(parameters).toString()}`, { key });
const past = { from: day(-3), to: day(-1) };
const cellsOf = ({ body }: Answer<Body>): (number | null)[][] =>
  body.data.map(({ cells }) => cells.map(({ visitors }) => visitors));
const faultsOf = ({ status, body }: Answer<unknown>): string =>
  `${status} ${((body as { errors?: { path: string; code: string }[] }).errors ?? []).map(({ path, code }) => `${path} ${code}`).join()}`;

it('says who came back, by day, as many columns as the range has days', async () => {
  const answer = await get('retention', past);
  expect(answer.status).toBe(200);
  expect(answer.body.meta).toMatchObject({ timezone: 'UTC', interval: 'day' });
  expect(answer.body.data.map(({ cohort, size }) => [cohort.slice(0, 10), size])).toEqual([
    [day(-3), 2],
    [day(-2), 0],
    [day(-1), 1],
  ]);
  expect(cellsOf(answer)[0]).toEqual([2, 1, 1, 0]);
  expect(cellsOf(answer)[2]).toEqual([1, 0, null, null]);
  expect(answer.body.data[0]?.cells[3]?.state).toBe('open');
  expect(answer.body.data[0]?.cells[1]).toEqual({ period: 1, visitors: 1, rate: 0.5, state: 'complete' });
  expect(answer.body.averages[1]).toEqual({ period: 1, size: 2, visitors: 1, rate: 0.5 });
  expect(answer.headers.get('server-timing')).toMatch(/query;dur=.*retention;dur=.*total;dur=/);
});

it('takes goals, pages and events for a beginning and a return', async () => {
  const asked = { ...past, columns: '1' };
  expect(cellsOf(await get('retention', { ...asked, startGoal: 'Thanked', returnEvent: 'buy' }))[1]).toEqual([0, 1]);
  expect(cellsOf(await get('retention', { ...asked, returnPage: '/thanks/*' }))[0]).toEqual([0, 1]);
  const filters = '["is","goal",["Thanked"]]';
  expect(cellsOf(await get('retention', { ...asked, filters }))[1]).toEqual([1, 0]);
});

it('breaks down, compares, and explains', async () => {
  const { body } = await get('retention', {
    ...past,
    breakdown: 'property:plan',
    limit: '1',
    compare: 'previous',
    explain: 'true',
    precision: 'exact',
  });
  expect(body.breakdown?.rows.map(({ value, size }) => [value, size])).toEqual([[null, 2]]);
  expect(body.breakdown?.other?.size).toBe(1);
  expect(body.comparison?.data.map(({ size }) => size)).toEqual([0, 0, 0]);
  expect(body.comparison?.meta).toMatchObject({ to: body.meta['from'], interval: 'day' });
  expect(body.meta.explain?.parts.map(({ name, table }) => [name, table])).toEqual([
    ['retention', 'events'],
    ['retention', 'events'],
  ]);
});

it('says who was new and who stayed, and on how many days', async () => {
  const lifecycle = await get<{ data: Record<string, unknown>[] }>('lifecycle', { ...past, interval: 'day' });
  expect(lifecycle.body.data[1]).toMatchObject({ visitors: 1, new: 0, returning: 1, resurrected: 0, dormant: 1 });
  const { body } = await get<{ data: { days: number; visitors: number }[]; visitors: number }>('stickiness', {
    ...past,
    interval: 'month',
  });
  expect(body.data).toHaveLength(31);
  // In one month, or in two where the days lie in two.
  expect(body.data.reduce((sum, { days, visitors }) => sum + days * visitors, 0)).toBe(5);
});

it('takes 60 columns, and 61 not', async () => {
  const { body } = await get('retention', { ...past, interval: 'month', columns: '60' });
  expect(body.data[0]?.cells).toHaveLength(61);
  expect(faultsOf(await get('retention', { ...past, columns: '61' }))).toBe('400 columns out_of_range');
  expect(faultsOf(await get('retention', { ...past, columns: '-1' }))).toBe('400 columns out_of_range');
});

it.each<[string, Record<string, string>, string]>([
  ['retention', {}, '400 period required'],
  ['retention', { ...past, timezone: 'Mars/Olympus' }, '400 timezone invalid_timezone'],
  ['retention', { ...past, interval: 'hour' }, '400 interval not_allowed'],
  ['retention', { ...past, mode: 'after' }, '400 mode not_allowed'],
  ['retention', { ...past, startEvent: 'a', startPage: '/' }, '400 startPage ambiguous_target'],
  ['retention', { ...past, returnEvent: 'a', returnGoal: 'Thanked' }, '400 returnGoal ambiguous_target'],
  ['retention', { ...past, startGoal: 'Nobody' }, '400 startGoal unknown_goal'],
  ['retention', { ...past, breakdown: 'goal' }, '400 breakdown unknown_dimension'],
  ['retention', { ...past, breakdown: 'colour' }, '400 breakdown unknown_dimension'],
  ['retention', { ...past, breakdown: 'country', limit: '101' }, '400 limit out_of_range'],
  ['retention', { ...past, limit: '5' }, '400 limit unused'],
  ['retention', { ...past, filters: '["is","goal",["Nobody"]]' }, '400 filters[2][0] unknown_goal'],
  ['retention', { ...past, filters: '["matches","page",["("]]' }, '400 filters invalid_pattern'],
  ['retention', { from: '2021-01-01', to: '2025-12-31', interval: 'day' }, '400 interval too_many_cells'],
  [
    'retention',
    { from: '2026-01-01', to: '2026-03-31', interval: 'day', breakdown: 'page', limit: '100' },
    '400 limit too_many_cells',
  ],
  ['lifecycle', { from: '0001-01-01', to: '9999-12-31', interval: 'day' }, '400 interval too_many_buckets'],
  ['lifecycle', { ...past, columns: '3' }, '400 columns unknown_field'],
  ['stickiness', { ...past, interval: 'day' }, '400 interval not_allowed'],
])('refuses %s of %j', async (path, parameters, expected) => {
  expect(faultsOf(await get(path, parameters))).toBe(expected);
});

it.each<[string, Record<string, string>, string]>([
  ['retention', { from: '9990-01-01', to: '9999-12-31', interval: 'month', columns: '60' }, '200 '],
  ['retention', { from: '0001-01-01', to: '0001-12-31', interval: 'week', timezone: 'Africa/Cairo' }, '200 '],
  ['lifecycle', { from: '0001-01-01', to: '0165-12-31', interval: 'month', timezone: 'Asia/Kathmandu' }, '200 '],
  ['retention', { from: '0001-01-01', to: '0130-12-31', interval: 'month', columns: '60' }, '200 '],
  ['lifecycle', { from: '9000-01-01', to: '9999-12-31', timezone: 'Pacific/Apia' }, '400 interval too_many_buckets'],
  ['stickiness', { from: '1970-01-01', to: '1970-02-01', timezone: 'Pacific/Apia' }, '200 '],
  ['stickiness', { from: '1900-01-01', to: '2026-01-01' }, '400 interval too_many_buckets'],
  ['retention', { period: '24h', filters: '["is","entryPage",["/"]]', breakdown: 'exitPage' }, '200 '],
  ['retention', { period: 'all', startEvent: "'; DROP TABLE events --" }, '200 '],
])('answers %s of the strange %j', async (path, parameters, expected) => {
  expect(faultsOf(await get(path, parameters))).toBe(expected);
});

it('needs a key that may read statistics', async () => {
  expect((await get('retention', past, shop.keys.pub)).status).toBe(403);
});
