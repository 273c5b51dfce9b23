// Do the routes of statistics keep the contract, from an event sent to a figure read?
import { randomUUID } from 'node:crypto';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

interface Fault {
  code: string;
  errors: { path: string; code: string }[];
}
type Figures = Record<string, unknown>;
interface Answered<T> {
  data: T;
  comparison?: { data: T; meta: Record<string, unknown> };
  meta: Record<string, unknown>;
  page?: { next: string | null };
  query?: Record<string, unknown>;
}

const stats = <T = Figures>(project: AProject, path: string, parameters: Record<string, string> = {}) =>
  ask<Answered<T>>(app, `/stats/${path}?${new URLSearchParams(parameters).toString()}`, { key: project.keys.sec });

const faultsOf = ({ status, body }: Answer<unknown>): string =>
  `${status} ${((body as Fault).errors ?? []).map(({ path, code }) => `${path} ${code}`).join()}`;

const event = (timestamp: string, more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp,
  visitorId: 'ada',
  url: 'https://shop.example/',
  ...more,
});

/** Two visitors on two days of New York, one on the day of 25 hours. */
const EVENTS = [
  event('2026-10-31T15:00:00.000Z', { url: 'https://shop.example/?utm_source=mail', properties: { plan: 'pro' } }),
  event('2026-10-31T15:10:00.000Z', { url: 'https://shop.example/shoes' }),
  event('2026-10-31T15:11:40.000Z', {
    name: 'buy',
    url: 'https://shop.example/shoes',
    revenue: { amount: '12.50', currency: 'EUR' },
  }),
  // The repeated hour: half past one in summer time, and an hour later in winter time.
  event('2026-11-01T05:30:00.000Z', { visitorId: 'bob', url: 'https://shop.example/shoes' }),
  event('2026-11-01T06:30:00.001Z', { visitorId: 'bob', properties: { plan: 'free' } }),
];
const RANGE = { from: '2026-10-31', to: '2026-11-01', timezone: 'America/New_York' };

const aShop = async (): Promise<AProject> => {
  const project = await aProject(app, { timezone: 'America/New_York' });
  const { status, body } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events: EVENTS } });
  expect([status, body.accepted]).toEqual([200, EVENTS.length]);
  return project;
};

describe('statistics over HTTP', () => {
  let shop: AProject;
  beforeAll(async () => {
    shop = await aShop();
  });

  it('says what happened in a range', async () => {
    const { status, body } = await stats(shop, 'overview', RANGE);
    expect(status).toBe(200);
    expect(body).toEqual({
      data: {
        visitors: 2,
        sessions: 3,
        pageviews: 4,
        events: 5,
        viewsPerSession: 4 / 3,
        bounceRate: 2 / 3,
        sessionDuration: 700 / 3,
        revenue: [{ currency: 'EUR', amount: '12.50' }],
      },
      meta: {
        from: '2026-10-31T00:00:00.000-04:00',
        to: '2026-11-02T00:00:00.000-05:00',
        timezone: 'America/New_York',
      },
    });
  });

  it('takes the project’s zone where none is asked for', async () => {
    const { body } = await stats(shop, 'overview', { from: '2026-11-01', to: '2026-11-01' });
    expect(body.meta.timezone).toBe('America/New_York');
    expect(body.data.events).toBe(2);
  });

  it('counts an event that was just sent', async () => {
    const project = await aProject(app, {});
    await ask(app, '/events', {
      key: project.keys.sec,
      body: { name: 'pageview', visitorId: 'eve', url: 'https://a.example/' },
    });
    for (const period of ['today', '24h', '7d', '30d', '90d', '12mo', 'month', 'year', 'all'])
      expect([period, (await stats(project, 'overview', { period })).body.data.events]).toEqual([period, 1]);
    expect((await stats(project, 'overview', { period: 'yesterday' })).body.data.events).toBe(0);
  });

  it('selects by filters', async () => {
    const count = async (filter: unknown): Promise<unknown> =>
      (await stats(shop, 'overview', { ...RANGE, filters: JSON.stringify(filter) })).body.data.events;
    expect(await count(['is', 'page', ['/shoes']])).toBe(3);
    expect(await count(['did', ['is', 'event', ['buy']]])).toBe(3);
    expect(await count(['and', ['is', 'entryPage', ['/shoes']], ['exists', 'page']])).toBe(1);
    expect(await count(['is', 'property:plan', ['pro']])).toBe(1);
    expect(await count(['isNot', 'property:plan', ['pro']])).toBe(4);
    expect(await count(['matches', 'page', ['^/s.*s$']])).toBe(3);
    expect(await count(['is', 'utmSource', ['mail']])).toBe(1);
    expect(await count(['is', 'page', ["' OR 1=1 --", '\\', '{p0:String}', '\n\t\r', '😀']])).toBe(0);
    expect(await count(['is', 'page', Array.from({ length: 200 }, (_, at) => `/${at}`)])).toBe(0);
  });

  it('compares with another range', async () => {
    const { body } = await stats(shop, 'overview', { from: '2026-11-01', to: '2026-11-01', compare: 'previous' });
    expect(body.data.events).toBe(2);
    expect(body.comparison?.data.events).toBe(3);
    expect(body.comparison?.meta.from).toBe('2026-10-31T00:00:00.000-04:00');
    const year = await stats(shop, 'overview', { ...RANGE, compare: 'year' });
    expect(year.body.comparison?.data.visitors).toBe(0);
  });

  it('gives every bucket, those of a repeated hour apart', async () => {
    const { body } = await stats<Figures[]>(shop, 'timeseries', {
      from: '2026-11-01T05:00:00Z',
      to: '2026-11-01T08:00:00Z',
      interval: 'hour',
      metrics: 'pageviews,visitors',
    });
    expect(body.data).toEqual([
      { time: '2026-11-01T01:00:00.000-04:00', pageviews: 1, visitors: 1 },
      { time: '2026-11-01T01:00:00.000-05:00', pageviews: 1, visitors: 1 },
      { time: '2026-11-01T02:00:00.000-05:00', pageviews: 0, visitors: 0 },
    ]);
    expect(body.meta.interval).toBe('hour');
  });

  it('fills empty buckets of every metric, in the comparison too', async () => {
    const { body } = await stats<Figures[]>(shop, 'timeseries', {
      from: '2026-10-30',
      to: '2026-11-01',
      compare: 'previous',
      metrics: 'events,revenue,bounceRate',
    });
    expect(body.data.map(({ events }) => events)).toEqual([0, 3, 2]);
    expect(body.data[0]).toEqual({ time: '2026-10-30T00:00:00.000-04:00', events: 0, revenue: [], bounceRate: 0 });
    expect(body.comparison?.data.map(({ events }) => events)).toEqual([0, 0, 0]);
  });

  it('walks a breakdown by cursor', async () => {
    const query = { ...RANGE, metrics: 'events,visitors', limit: '1' };
    const first = (await stats<Figures[]>(shop, 'pages', query)).body;
    expect(first.data).toEqual([{ value: '/shoes', events: 3, visitors: 2 }]);
    const second = (await stats<Figures[]>(shop, 'pages', { ...query, cursor: String(first.page?.next) })).body;
    expect(second.data).toEqual([{ value: '/', events: 2, visitors: 2 }]);
    expect(second.page).toEqual({ next: null });
    expect(faultsOf(await stats(shop, 'pages', { ...query, to: '2026-11-02', cursor: String(first.page?.next) }))).toBe(
      '400 cursor invalid_cursor',
    );
  });

  it('searches values, and puts the same values of another range beside them', async () => {
    const { body } = await stats<Figures[]>(shop, 'breakdown/page', {
      from: '2026-11-01',
      to: '2026-11-01',
      metrics: 'events',
      search: 'SHO',
      compare: 'previous',
    });
    expect(body.data).toEqual([{ value: '/shoes', events: 1 }]);
    expect(body.comparison?.data).toEqual([{ value: '/shoes', events: 2 }]);
  });

  it('has a row for events without a referrer, and none for events without a property', async () => {
    const referrers = await stats<Figures[]>(shop, 'referrers', { ...RANGE, metrics: 'events' });
    expect(referrers.body.data).toEqual([{ value: '', events: 5 }]);
    const plans = await stats<Figures[]>(shop, 'breakdown/property:plan', {
      ...RANGE,
      metrics: 'events',
      order: 'value:asc',
    });
    expect(plans.body.data).toEqual([
      { value: 'free', events: 1 },
      { value: 'pro', events: 1 },
    ]);
    for (const shorthand of ['countries', 'devices'])
      expect((await stats<Figures[]>(shop, shorthand, RANGE)).body.data).toHaveLength(1);
  });

  it('answers free questions, and says how it understood them', async () => {
    const body = {
      metrics: ['events', 'sessions'],
      dimensions: ['time:day', 'page'],
      filters: ['is', 'event', ['pageview']],
      compare: 'previous',
      ...RANGE,
    };
    const answer = await ask<Answered<Figures[]>>(app, '/stats/query', { key: shop.keys.sec, body });
    expect(answer.status).toBe(200);
    expect(answer.body.data).toEqual([
      { time: '2026-10-31T00:00:00.000-04:00', page: '/', events: 1, sessions: 1 },
      { time: '2026-10-31T00:00:00.000-04:00', page: '/shoes', events: 1, sessions: 1 },
      { time: '2026-11-01T00:00:00.000-04:00', page: '/', events: 1, sessions: 1 },
      { time: '2026-11-01T00:00:00.000-04:00', page: '/shoes', events: 1, sessions: 1 },
    ]);
    expect(answer.body.comparison?.data).toEqual([]);
    const { query } = answer.body;
    expect(query).toMatchObject({ dimensions: ['time:day', 'page'], orderBy: ['time:asc', 'events:desc', 'page:asc'] });
    const again = await ask<Answered<Figures[]>>(app, '/stats/query', { key: shop.keys.sec, body: query });
    expect(again.body).toEqual(answer.body);
  });

  it.each([
    ['overview', {}, '400 period required'],
    ['overview', { period: '7d', from: '2026-01-01', to: '2026-01-02' }, '400 period ambiguous_range'],
    ['overview', { period: 'forever' }, '400 period not_allowed'],
    ['overview', { from: '2026-01-02', to: '2026-01-01' }, '400 from empty_range'],
    ['overview', { period: '7d', timezone: 'Mars/Olympus' }, '400 timezone invalid_timezone'],
    ['overview', { period: '7d', compare: 'never' }, '400 compare invalid_comparison'],
    ['overview', { period: '7d', filters: '["is","pag",["/"]]' }, '400 filters[1] unknown_dimension'],
    ['overview', { period: '7d', filters: '["is"' }, '400 filters invalid_json'],
    ['overview', { period: '7d', filters: '["matches","page",["("]]' }, '400 filters invalid_pattern'],
    ['overview', { period: '7d', metric: 'visitors' }, '400 metric unknown_field'],
    ['timeseries', { period: '7d', metrics: 'visitors,hits' }, '400 metrics[1] unknown_metric'],
    ['timeseries', { period: '7d', interval: 'second' }, '400 interval not_allowed'],
    ['timeseries', { period: '30d', interval: 'minute' }, '400 interval too_many_buckets'],
    ['timeseries', { from: '0001-01-01', to: '9999-12-31', interval: 'day' }, '400 interval too_many_buckets'],
    ['breakdown/goals', { period: '7d' }, '400 dimension unknown_dimension'],
    ['breakdown/page', { period: '7d', order: 'revenue' }, '400 order unknown_order'],
    ['breakdown/page', { period: '7d', metrics: 'revenue', order: 'revenue' }, '400 order not_sortable'],
    ['breakdown/page', { period: '7d', limit: '1001' }, '400 limit out_of_range'],
    ['breakdown/page', { period: '7d', cursor: 'x' }, '400 cursor invalid_cursor'],
  ])('refuses %s with %j', async (path, parameters, expected) => {
    expect(faultsOf(await stats(shop, path, parameters as Record<string, string>))).toBe(expected);
  });

  it('takes ranges far beyond all events', async () => {
    const { status, body } = await stats(shop, 'overview', { from: '0001-01-01', to: '9999-12-31' });
    expect([status, body.data.events]).toEqual([200, 5]);
    const months = await stats<Figures[]>(shop, 'timeseries', {
      from: '1500-01-01',
      to: '2300-12-31',
      interval: 'month',
    });
    expect(months.status).toBe(200);
    expect(months.body.data).toHaveLength(801 * 12);
  });

  it('sees only the key’s own project, with a key that may read', async () => {
    const other = await aProject(app, {});
    expect((await stats(other, 'overview', RANGE)).body.data.events).toBe(0);
    expect((await ask(app, '/stats/overview?period=7d', { key: shop.keys.pub })).status).toBe(403);
    expect((await ask(app, '/stats/overview?period=7d')).status).toBe(401);
  });
});
