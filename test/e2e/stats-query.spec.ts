// Does the free question keep the contract? All kinds of metrics, pages of groups, and another range beside them.
import { randomUUID } from 'node:crypto';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

let app: TestApp;
let shop: AProject;

interface Answered {
  data: Record<string, unknown>[];
  page: { next: string | null };
  comparison?: { data: Record<string, unknown>[]; page: { next: string | null }; meta: Record<string, unknown> };
  meta: Record<string, unknown>;
  query: Record<string, unknown>;
}

const query = (body: Record<string, unknown>) =>
  ask<Answered>(app, '/stats/query', { key: shop.keys.sec, body: { ...RANGE, ...body } });

const faultsOf = ({ status, body }: Answer<unknown>): string =>
  `${status} ${((body as { errors?: { path: string; code: string }[] }).errors ?? []).map(({ path, code }) => `${path} ${code}`).join()}`;

/** Every page of a question, by its cursors. */
async function walk(body: Record<string, unknown>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  let cursor: string | null = null;
  do {
    const page: Answer<Answered> = await query({ ...body, ...(cursor === null ? {} : { cursor }) });
    expect(page.status).toBe(200);
    rows.push(...page.body.data);
    cursor = page.body.page.next;
  } while (cursor !== null && rows.length < 100);
  return rows;
}

const RANGE = { from: '2026-03-02', to: '2026-03-03', timezone: 'UTC' };

const event = (timestamp: string, path: string, properties: Record<string, unknown> = {}, more = {}) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp,
  visitorId: 'ada',
  url: `https://shop.example${path}`,
  properties,
  ...more,
});

const EVENTS = [
  event('2026-03-01T09:00:00.000Z', '/a', { price: 1 }),
  event('2026-03-01T09:00:00.000Z', '/gone', { price: 7 }),
  event('2026-03-02T10:00:00.000Z', '/a', { price: 0.1, plan: 'pro' }),
  event('2026-03-02T10:00:30.000Z', '/b', { price: 0.2, plan: 'pro' }),
  event('2026-03-02T10:01:00.500Z', '/b', { price: 'free', plan: 7 }),
  event('2026-03-02T10:10:00.000Z', '/c', {}, { name: 'buy' }),
  event('2026-03-03T10:00:00.000Z', '/a', { price: -4, plan: 'free' }, { visitorId: 'bob' }),
  event('2026-03-03T10:00:00.000Z', '/d', { plan: null }, { visitorId: 'eve' }),
];

beforeAll(async () => {
  app = await startTestApp();
  shop = await aProject(app, {});
  const { status, body } = await ask(app, '/events/batch', { key: shop.keys.sec, body: { events: EVENTS } });
  expect([status, body.accepted]).toEqual([200, EVENTS.length]);
});
afterAll(() => app.close());

it('answers figures of properties, sessions’ ends and time on page', async () => {
  const metrics = [
    ...['sum', 'avg', 'min', 'max', 'p50', 'uniq'].map((of) => `${of}(property:price)`),
    'uniq(property:plan)',
    'uniqueEvents',
    'entries',
    'exits',
    'timeOnPage',
  ];
  const { status, body } = await query({ metrics, dimensions: ['page'], orderBy: ['page:asc'] });
  expect(status).toBe(200);
  const rows = body.data.map(({ page, ...figures }) => [page, ...Object.values(figures)]);
  expect(rows).toEqual([
    // sum, avg, min, max, p50, uniq, uniq of plan, names a session, entries, exits, seconds
    ['/a', -3.9, -1.95, -4, 0.1, -4 + 0.5 * 4.1, 2, 2, 2, 2, 1, 30],
    ['/b', 0.2, 0.2, 0.2, 0.2, 0.2, 2, 2, 1, 0, 1, (30.5 + 539.5) / 2],
    ['/c', 0, null, null, null, null, 0, 0, 1, 0, 0, 0],
    ['/d', 0, null, null, null, null, 0, 1, 1, 1, 1, 0],
  ]);
  const [all] = (await query({ metrics: ['sum(property:price)', 'uniq(property:plan)', 'uniqueEvents'] })).body.data;
  expect(all).toEqual({ 'sum(property:price)': -3.7, 'uniq(property:plan)': 4, uniqueEvents: 4 });
});

it('adds decimals as people do, and numbers of any size', async () => {
  const project = await aProject(app, {});
  const values = [0.1, 0.2, 1e300, 1e300, -1e300, 1e41, 1e-300, 123456789012.34];
  const events = values.map((value, at) => event('2026-03-02T10:00:00.000Z', `/${at}`, { value, ['a)b:asc']: at }));
  await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  const of = async (metrics: string[], filters: unknown) =>
    (await ask<Answered>(app, '/stats/query', { key: project.keys.sec, body: { ...RANGE, metrics, filters } })).body
      .data[0];
  const sum = 'sum(property:value)';
  expect(await of([sum], ['lt', 'property:value', [1]])).toEqual({ [sum]: -1e300 });
  expect(await of([sum], ['and', ['lt', 'property:value', [1]], ['gt', 'property:value', [0]]])).toEqual({
    [sum]: 0.3,
  });
  expect(await of([sum], ['gt', 'property:value', [0]])).toEqual({ [sum]: 2e300 });
  expect(await of(['p99(property:a)b:asc)'], ['exists', 'page'])).toEqual({ 'p99(property:a)b:asc)': 6.93 });

  const beyond = await aProject(app, {});
  const most = [1.7e308, 1.7e308].map((value) => event('2026-03-02T10:00:00.000Z', '/', { value }));
  await ask(app, '/events/batch', { key: beyond.keys.sec, body: { events: most } });
  const answer = await ask<Answered>(app, '/stats/query', {
    key: beyond.keys.sec,
    body: { ...RANGE, metrics: [sum, 'max(property:value)'] },
  });
  // No number says it, and JSON has no word for it.
  expect(answer.body.data).toEqual([{ [sum]: null, 'max(property:value)': 1.7e308 }]);
});

it.each(['avg(property:price):asc', 'avg(property:price):desc'])(
  'walks groups by %s, those without one last',
  async (by) => {
    const question = { metrics: ['avg(property:price)'], dimensions: ['page', 'event'], orderBy: [by] };
    const whole = (await query(question)).body;
    expect(whole.page.next).toBeNull();
    const averages = whole.data.map((row) => row['avg(property:price)']);
    expect(averages).toEqual(by.endsWith('asc') ? [-1.95, 0.2, null, null] : [0.2, -1.95, null, null]);
    for (const limit of [1, 2, 3, 4]) expect(await walk({ ...question, limit })).toEqual(whole.data);
  },
);

it('walks values as long as an event may have', async () => {
  const project = await aProject(app, {});
  const values = ['a', 'b', 'c'].map((end) => `${'"'.repeat(4_070)}${end}`);
  const events = values.map((plan) => event('2026-03-02T10:00:00.000Z', '/', { plan }));
  const sent = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect(sent.body.accepted).toBe(3);
  const walked: unknown[] = [];
  let cursor: string | null = '';
  do {
    const parameters = new URLSearchParams({ ...RANGE, limit: '1', order: 'value', ...(cursor ? { cursor } : {}) });
    const path = `/stats/breakdown/property:plan?${parameters.toString()}`;
    const page: Answer<Answered> = await ask<Answered>(app, path, { key: project.keys.sec });
    expect(page.status).toBe(200);
    walked.push(...page.body.data.map(({ value }) => value));
    cursor = page.body.page.next;
  } while (cursor !== null);
  expect(walked).toEqual(values);
});

it('walks buckets with groups, in the range and in the one before', async () => {
  const question = { metrics: ['events'], dimensions: ['time:day', 'page'], compare: 'previous' };
  const whole = (await query(question)).body;
  expect(whole.data.map(({ time, page, events }) => [String(time).slice(8, 10), page, events])).toEqual([
    ['02', '/b', 2],
    ['02', '/a', 1],
    ['02', '/c', 1],
    ['03', '/a', 1],
    ['03', '/d', 1],
  ]);
  expect(whole.comparison?.data.map(({ page }) => page)).toEqual(['/a', '/gone']);
  expect(await walk({ ...question, limit: 2 })).toEqual(whole.data);

  const first = (await query({ ...question, limit: 1 })).body;
  expect(first.comparison?.data.map(({ page }) => page)).toEqual(['/a']);
  const second = (await query({ ...question, limit: 1, cursor: first.page.next })).body;
  expect(second.comparison).toBeUndefined();
  const { from, to } = first.comparison?.meta ?? {};
  const then = await query({ ...question, compare: undefined, from, to, cursor: first.comparison?.page.next });
  expect(then.body.data.map(({ page }) => page)).toEqual(['/gone']);
});

it('puts the groups of each page beside themselves in the range before', async () => {
  const question = { metrics: ['events', 'avg(property:price)'], dimensions: ['page', 'event'], compare: 'previous' };
  const { body } = await query(question);
  expect(body.data.map(({ page }) => page)).toEqual(['/a', '/b', '/c', '/d']);
  const nothing = { events: 0, 'avg(property:price)': null };
  expect(body.comparison?.data).toEqual([
    { page: '/a', event: 'pageview', events: 1, 'avg(property:price)': 1 },
    { page: '/b', event: 'pageview', ...nothing },
    { page: '/c', event: 'buy', ...nothing },
    { page: '/d', event: 'pageview', ...nothing },
  ]);
  const first = (await query({ ...question, limit: 3 })).body;
  const second = (await query({ ...question, limit: 3, cursor: first.page.next })).body;
  expect([...(first.comparison?.data ?? []), ...(second.comparison?.data ?? [])]).toEqual(body.comparison?.data);
  const again = await ask<Answered>(app, '/stats/query', { key: shop.keys.sec, body: second.query });
  expect(again.body).toEqual(second);
});

it('says the same by a shorthand and by a free question', async () => {
  const parameters = {
    ...RANGE,
    metrics: 'events,timeOnPage,p90(property:price)',
    order: 'timeOnPage:asc',
    compare: 'previous',
  };
  const short = await ask<Answered>(app, `/stats/pages?${new URLSearchParams(parameters).toString()}`, {
    key: shop.keys.sec,
  });
  const free = await query({
    metrics: ['events', 'timeOnPage', 'p90(property:price)'],
    dimensions: ['page'],
    orderBy: ['timeOnPage:asc'],
    compare: 'previous',
  });
  expect(short.status).toBe(200);
  const named = (rows?: Record<string, unknown>[]) => rows?.map(({ page, ...rest }) => ({ value: page, ...rest }));
  expect(short.body.data).toEqual(named(free.body.data));
  expect(short.body.comparison?.data).toEqual(named(free.body.comparison?.data));
});

it('takes how exact an answer must be on every route', async () => {
  const parameters = new URLSearchParams({ ...RANGE, precision: 'exact', explain: 'false' }).toString();
  for (const route of ['overview', 'timeseries', 'breakdown/page', 'pages'])
    expect([route, (await ask(app, `/stats/${route}?${parameters}`, { key: shop.keys.sec })).status]).toEqual([
      route,
      200,
    ]);
  const { body } = await query({ metrics: ['events'], precision: 'exact', explain: true });
  expect(body.query).toMatchObject({ precision: 'exact', explain: true });
  expect((await query({ metrics: ['events'] })).body.query).toMatchObject({ precision: 'auto' });
  for (const [name, value, code] of [
    ['precision', 'rough', 'not_allowed'],
    ['explain', 'yes', 'not_a_boolean'],
  ] as const)
    expect(faultsOf(await ask(app, `/stats/overview?period=7d&${name}=${value}`, { key: shop.keys.sec }))).toBe(
      `400 ${name} ${code}`,
    );
});

it.each([
  [{ metrics: ['p95(property:price)'] }, '400 metrics[0] unknown_metric'],
  [{ metrics: ['events'], explain: 'true' }, '400 explain not_a_boolean'],
  [{ metrics: ['events'], dimensions: ['page'], cursor: 'x' }, '400 cursor invalid_cursor'],
  [{ metrics: ['events'], dimensions: ['page'], search: 'a' }, '400 search unknown_field'],
  [{ metrics: ['events'], dimensions: ['page'], limit: 10_001 }, '400 limit out_of_range'],
  [{ metrics: ['revenue'], dimensions: ['page'], orderBy: ['revenue'] }, '400 orderBy[0] not_sortable'],
  [
    { metrics: ['events'], dimensions: ['page', 'os', 'city', 'event', 'title', 'country'] },
    '400 dimensions too_many_items',
  ],
])('refuses %j', async (body, expected) => {
  expect(faultsOf(await query(body))).toBe(expected);
});
