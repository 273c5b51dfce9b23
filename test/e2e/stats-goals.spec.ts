// Do goals keep the contract in statistics: as a filter, a dimension and figures, as they are at this very moment? Over HTTP.
import { randomUUID } from 'node:crypto';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

interface Answered {
  data: Record<string, unknown>[];
  page: { next: string | null };
  comparison?: { data: Record<string, unknown>[] };
  query: Record<string, unknown>;
}

// Goals by the hundred are made one by one.
jest.setTimeout(120_000);

let app: TestApp;
let shop: AProject;
let read: string;

const RANGE = { from: '2026-03-02', to: '2026-03-03', timezone: 'UTC' };
const FIGURES = ['conversions', 'conversionRate', 'goalRevenue'];

const query = (body: object, project = shop) =>
  ask<Answered>(app, '/stats/query', { key: project.keys.sec, body: { ...RANGE, ...body } });
const get = (path: string, wish: Record<string, string>, project = shop) =>
  ask<Answered>(app, `/stats/${path}?${new URLSearchParams({ ...RANGE, ...wish }).toString()}`, {
    key: project.keys.sec,
  });
const faultsOf = ({ status, body }: Answer<unknown>): string =>
  `${status} ${((body as { errors?: { path: string; code: string }[] }).errors ?? []).map(({ path, code }) => `${path} ${code}`).join()}`;

async function aGoal(goal: object, project = shop): Promise<string> {
  const { status, body } = await ask<{ id: string }>(app, '/goals', { key: project.keys.sec, body: goal });
  expect(status).toBe(201);
  return body.id;
}

const event = (day: number, visitorId: string, name: string, path: string, properties: object = {}) => ({
  id: randomUUID(),
  name,
  timestamp: `2026-03-0${day}T10:00:00.000Z`,
  visitorId,
  url: `https://shop.example${path}`,
  properties,
});

beforeAll(async () => {
  app = await startTestApp();
  shop = await aProject(app, {});
  const events = [
    event(1, 'ada', 'signup', '/join'),
    event(2, 'ada', 'pageview', '/blog/one'),
    event(2, 'ada', 'signup', '/join', { plan: 'pro' }),
    event(2, 'bob', 'pageview', '/blog'),
    event(2, 'bob', 'buy', '/cart', { price: 10.1 }),
    event(3, 'bob', 'buy', '/cart', { price: 0.2 }),
    event(3, 'bob', 'buy', '/cart', { price: 'free' }),
    event(3, 'eve', 'pageview', '/'),
    event(3, 'joe', 'pageview', '/'),
  ];
  const { status } = await ask(app, '/events/batch', { key: shop.keys.sec, body: { events } });
  expect(status).toBe(200);
  await aGoal({ name: 'Signup', event: 'signup', value: { amount: '12.5', currency: 'EUR' } });
  read = await aGoal({ name: 'Read', page: '/blog/**' });
  await aGoal({ name: 'Bought', event: 'buy', value: { property: 'price', currency: 'USD' } });
  await aGoal({
    name: 'Pro',
    event: 'signup',
    filters: ['is', 'property:plan', ['pro']],
    value: { amount: '100', currency: 'EUR' },
  });
  await aGoal({ name: 'Never', event: 'leave' });
});
afterAll(() => app.close());

it('has a row for each goal that somebody reached', async () => {
  const { status, body } = await get('breakdown/goal', { metrics: ['visitors', 'events', ...FIGURES].join() });
  expect(status).toBe(200);
  expect(body.data.map((row) => Object.values(row))).toEqual([
    ['Read', 2, 2, 2, 0.5, []],
    ['Bought', 1, 3, 3, 0.25, [{ currency: 'USD', amount: '10.30' }]],
    ['Pro', 1, 1, 1, 0.25, [{ currency: 'EUR', amount: '100.00' }]],
    ['Signup', 1, 1, 1, 0.25, [{ currency: 'EUR', amount: '12.50' }]],
  ]);
  expect((await get('breakdown/goal', { search: 'sIG' })).body.data).toMatchObject([{ value: 'Signup', visitors: 1 }]);
});

it('counts an event once, and what it is worth once for each of its goals', async () => {
  const days = (await get('timeseries', { metrics: FIGURES.join(), interval: 'day' })).body.data;
  expect(days.map((row) => Object.values(row).slice(1))).toEqual([
    [
      4,
      1,
      [
        { currency: 'EUR', amount: '112.50' },
        { currency: 'USD', amount: '10.10' },
      ],
    ],
    [2, 1 / 3, [{ currency: 'USD', amount: '0.20' }]],
  ]);
});

it('walks goals by cursor, and compares them with another range', async () => {
  const asked = { metrics: ['conversionRate', 'sessions'], dimensions: ['goal'], limit: 2, compare: 'previous' };
  const first = (await query(asked)).body;
  expect(first.data).toEqual([
    { goal: 'Read', conversionRate: 0.5, sessions: 2 },
    { goal: 'Bought', conversionRate: 0.25, sessions: 2 },
  ]);
  const rest = (await query({ ...asked, cursor: first.page.next })).body;
  expect(rest.data).toEqual([
    { goal: 'Pro', conversionRate: 0.25, sessions: 1 },
    { goal: 'Signup', conversionRate: 0.25, sessions: 1 },
  ]);
  expect(rest.page.next).toBeNull();
  expect(rest.comparison?.data).toEqual([
    { goal: 'Pro', conversionRate: 0, sessions: 0 },
    { goal: 'Signup', conversionRate: 1, sessions: 1 },
  ]);
});

it('says of how many a rate is, whatever goal is asked for, and echoes goals by their names', async () => {
  const rate = async (filters?: unknown) => {
    const { body } = await query({
      metrics: ['conversionRate', 'visitors'],
      ...(filters === undefined ? {} : { filters }),
    });
    return Object.values(body.data[0] ?? {});
  };
  expect(await rate()).toEqual([0.5, 4]);
  expect(await rate(['is', 'goal', ['Read']])).toEqual([0.5, 2]);
  expect(await rate(['and', ['is', 'goal', ['Bought', read]], ['startsWith', 'page', ['/']]])).toEqual([0.5, 2]);
  expect(await rate(['and', ['is', 'event', ['signup']], ['is', 'goal', ['Read']]])).toEqual([0, 0]);
  expect(await rate(['not', ['notExists', 'goal']])).toEqual([1, 2]);
  expect(await rate(['did', ['is', 'goal', ['Pro']]])).toEqual([1, 1]);

  const filters = ['and', ['is', 'goal', ['Read']], ['exists', 'page']];
  const { body } = await query({ metrics: FIGURES, dimensions: ['goal', 'page'], filters });
  expect(body.query).toMatchObject({ filters, dimensions: ['goal', 'page'] });
  const { from, to, timezone, metrics, dimensions, orderBy } = body.query;
  const again = await query({ from, to, timezone, metrics, dimensions, orderBy, filters: body.query['filters'] });
  expect(again.body.data).toEqual(body.data);
});

it('follows a goal that is changed at once, in what was asked before too', async () => {
  const project = await aProject(app, {});
  const events = [
    event(2, 'ada', 'pageview', '/a'),
    event(2, 'bob', 'pageview', '/b'),
    event(2, 'eve', 'pageview', '/b'),
  ];
  await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  const goal = await aGoal({ name: 'Page', page: '/a' }, project);
  const told = async () => {
    const answers = await Promise.all([
      get('breakdown/goal', { metrics: 'conversions' }, project),
      get('overview', { filters: '["is","goal",["Page"]]' }, project),
      query({ metrics: ['conversions'] }, project),
    ]);
    const [rows, overview, all] = answers.map(({ body }) => body);
    return [rows?.data, (overview as unknown as { data: { visitors: number } }).data.visitors, all?.data];
  };
  expect(await told()).toEqual([[{ value: 'Page', conversions: 1 }], 1, [{ conversions: 1 }]]);
  expect(await told()).toEqual([[{ value: 'Page', conversions: 1 }], 1, [{ conversions: 1 }]]);
  const change = (body: object) => ask(app, `/goals/${goal}`, { key: project.keys.sec, method: 'PATCH', body });
  expect((await change({ page: '/b' })).status).toBe(200);
  expect(await told()).toEqual([[{ value: 'Page', conversions: 2 }], 2, [{ conversions: 2 }]]);
  expect((await change({ filters: ['is', 'page', ['/a']] })).status).toBe(200);
  expect(await told()).toEqual([[], 0, [{ conversions: 0 }]]);
});

it('has no rows and zeros where a project has no goals', async () => {
  const project = await aProject(app, {});
  await ask(app, '/events', { key: project.keys.sec, body: event(2, 'ada', 'signup', '/') });
  expect((await get('breakdown/goal', {}, project)).body.data).toEqual([]);
  const none = { conversions: 0, conversionRate: 0, goalRevenue: [] };
  expect((await query({ metrics: FIGURES }, project)).body.data).toEqual([none]);
  const filters = ['notExists', 'goal'];
  expect((await query({ metrics: ['visitors', ...FIGURES], filters }, project)).body.data).toEqual([
    { visitors: 1, ...none },
  ]);
});

it('refuses goals that there are none of, naming the place', async () => {
  const filters = JSON.stringify(['and', ['exists', 'page'], ['is', 'goal', ['Read', 'Gone']]]);
  for (const path of ['overview', 'timeseries', 'breakdown/page', 'breakdown/goal'])
    expect(faultsOf(await get(path, { filters }))).toBe('400 filters[2][2][1] unknown_goal');
  expect(faultsOf(await query({ metrics: ['events'], filters: ['is', 'goal', [randomUUID()]] }))).toBe(
    '400 filters[2][0] unknown_goal',
  );
  expect(faultsOf(await query({ metrics: ['events'], filters: ['contains', 'goal', ['a']] }))).toBe(
    '400 filters[0] unknown_operator',
  );
  expect(faultsOf(await query({ metrics: ['conversions'], orderBy: ['goalRevenue'] }))).toBe(
    '400 orderBy[0] unknown_order',
  );
  expect(faultsOf(await query({ metrics: ['goalRevenue'], orderBy: ['goalRevenue'] }))).toBe(
    '400 orderBy[0] not_sortable',
  );
});

it('answers for many goals at once, and says so where their filters are too much', async () => {
  const project = await aProject(app, {});
  await ask(app, '/events', { key: project.keys.sec, body: event(2, 'ada', 'signup', '/', { price: 2 }) });
  const value = { property: 'price', currency: 'EUR' };
  const ids: string[] = [];
  for (let at = 0; at < 60; at += 1) ids.push(await aGoal({ name: `Goal ${at}`, event: 'signup', value }, project));
  const asked = { metrics: [...FIGURES, 'sessions'], dimensions: ['goal', 'page'], filters: ['exists', 'goal'] };
  const all = await query(asked, project);
  expect([all.status, all.body.data.length]).toEqual([200, 60]);
  expect(all.body.data[0]).toMatchObject({ conversionRate: 1, goalRevenue: [{ currency: 'EUR', amount: '2.00' }] });

  const refill = async (ofGoals: readonly string[], filters: unknown) => {
    for (const id of ofGoals)
      await ask(app, `/goals/${id}`, { key: project.keys.sec, method: 'PATCH', body: { filters } });
  };
  const thirty: unknown[] = Array.from({ length: 30 }, () => ['gt', 'property:price', [1]]);
  await refill(ids, ['and', ...thirty]);
  const long = await query(asked, project);
  expect([long.status, (long.body as unknown as { code: string }).code]).toEqual([422, 'query_too_large']);
  await refill(ids.slice(0, 2), ['and', ...thirty, ...thirty]);
  expect(faultsOf(await query({ metrics: ['conversions'] }, project))).toBe('400 metrics too_many_filters');
});
