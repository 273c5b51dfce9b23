// Do the routes that ask funnels answer what the definition says, in the contract's words?
import { randomUUID } from 'node:crypto';
import { encodeCursor } from '../../src/common/cursor';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

interface Times {
  median: number;
  p75: number;
  p90: number;
  histogram: { from: number; to: number; count: number }[];
}
interface Step {
  name: string;
  count: number;
  secondsFromPrevious: Times | null;
  secondsFromFirst: Times | null;
}
interface Figures {
  steps: Step[];
  started: number;
  converted: number;
  conversionRate: number;
  revenue: unknown;
}
interface Stats {
  data: Figures;
  breakdown?: (Figures & { value: string | null; other?: true })[];
  trend?: Record<string, unknown>[];
  comparison?: Stats;
  meta: Record<string, unknown> & { funnel?: { revision: number } };
}
interface Attempts {
  data: { visitor: string; startedAt: string; reached: number; session?: { beganAt: string }; steps: unknown[] }[];
  page: { next: string | null };
  meta: Record<string, unknown>;
}

const faultsOf = ({ status, body }: Answer<unknown>): string => {
  const { code, errors = [] } = body as { code: string; errors?: { path: string; code: string }[] };
  return [status, ...(errors.length === 0 ? [code] : errors.map((fault) => `${fault.path} ${fault.code}`))].join(' ');
};
const counts = ({ steps }: Figures): number[] => steps.map(({ count }) => count);

const event = (visitorId: string, name: string, timestamp: string, more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  name,
  timestamp: `2026-03-${timestamp}Z`,
  visitorId,
  ...more,
});
const plan = (value: string) => ({ properties: { plan: value } });
const paid = (amount: string, currency: string) => ({ revenue: { amount, currency } });

/** Ada reads the guide and buys, Bob buys at once, Cy gives up, Dan buys without signing up, Eve buys two days later. */
const EVENTS = [
  event('ada', 'signup', '02T10:00:00.000', plan('pro')),
  event('ada', 'pageview', '02T10:01:00.000', { url: 'https://shop.example/guide/first', ...plan('pro') }),
  event('ada', 'purchase', '02T10:10:00.000', { ...plan('pro'), ...paid('20.00', 'EUR') }),
  event('bob', 'signup', '02T11:00:00.000', plan('free')),
  event('bob', 'purchase', '02T11:30:00.000', { ...plan('free'), ...paid('5.50', 'USD') }),
  event('cy', 'signup', '02T12:00:00.000', plan('free')),
  event('dan', 'purchase', '02T13:00:00.000', paid('1000.00', 'EUR')),
  event('eve', 'signup', '03T09:00:00.000'),
  event('eve', 'purchase', '05T09:00:00.000'),
];
const RANGE = { from: '2026-03-02', to: '2026-03-03' };
const SIGNUP = { event: 'signup' };
const PURCHASE = { event: 'purchase' };
const STEPS = [SIGNUP, { name: 'Guide', page: '/guide/**', optional: true }, PURCHASE];

let shop: AProject;
let funnelId: string;

const save = async (project: AProject, body: Record<string, unknown>): Promise<string> => {
  const { status, body: made } = await ask<{ id: string }>(app, '/funnels', { key: project.keys.sec, body });
  expect(status).toBe(201);
  return made.id;
};
const look = <T>(path: string, parameters: Record<string, string>, project = shop) =>
  ask<T>(app, `${path}?${new URLSearchParams(parameters).toString()}`, { key: project.keys.sec });
const stats = (parameters: Record<string, string> = RANGE, id = funnelId) =>
  look<Stats>(`/funnels/${id}/stats`, parameters);
const visitors = (parameters: Record<string, string> = {}, id = funnelId) =>
  look<Attempts>(`/funnels/${id}/visitors`, { ...RANGE, ...parameters });
const query = (body: Record<string, unknown>) =>
  ask<Stats>(app, '/funnels/query', { key: shop.keys.sec, body: { ...RANGE, ...body } });

beforeAll(async () => {
  shop = await aProject(app);
  const { status, body } = await ask(app, '/events/batch', { key: shop.keys.sec, body: { events: EVENTS } });
  expect([status, body.accepted]).toEqual([200, EVENTS.length]);
  funnelId = await save(shop, { name: 'Shop', steps: STEPS });
});

describe('the figures of a saved funnel', () => {
  it('say who came how far, and how fast', async () => {
    const { status, body, headers } = await stats();
    expect(status).toBe(200);
    expect(body).toEqual({
      data: {
        steps: [
          {
            name: 'signup',
            count: 4,
            conversionFromFirst: 1,
            conversionFromPrevious: 1,
            dropOff: 0,
            dropOffRate: 0,
            secondsFromPrevious: null,
            secondsFromFirst: null,
          },
          {
            name: 'Guide',
            count: 1,
            conversionFromFirst: 0.25,
            conversionFromPrevious: 0.25,
            dropOff: 3,
            dropOffRate: 0.75,
            optional: true,
            secondsFromPrevious: { median: 60, p75: 60, p90: 60, histogram: [{ from: 60, to: 120, count: 1 }] },
            secondsFromFirst: { median: 60, p75: 60, p90: 60, histogram: [{ from: 60, to: 120, count: 1 }] },
          },
          {
            name: 'purchase',
            count: 2,
            conversionFromFirst: 0.5,
            conversionFromPrevious: 0.5,
            dropOff: 2,
            dropOffRate: 0.5,
            // Ada 540 s after the guide, Bob 1,800 s after signing up.
            secondsFromPrevious: {
              median: 1_170,
              p75: 1_485,
              p90: 1_674,
              histogram: [
                { from: 300, to: 600, count: 1 },
                { from: 1_800, to: 3_600, count: 1 },
              ],
            },
            secondsFromFirst: {
              median: 1_200,
              p75: 1_500,
              p90: 1_680,
              histogram: [
                { from: 600, to: 1_200, count: 1 },
                { from: 1_800, to: 3_600, count: 1 },
              ],
            },
          },
        ],
        conversionRate: 0.5,
        started: 4,
        converted: 2,
        revenue: [
          { currency: 'EUR', amount: '20.00' },
          { currency: 'USD', amount: '5.50' },
        ],
      },
      meta: {
        from: '2026-03-02T00:00:00.000Z',
        to: '2026-03-04T00:00:00.000Z',
        timezone: 'UTC',
        funnel: { id: funnelId, name: 'Shop', revision: 1 },
      },
    });
    expect(headers.get('server-timing')).toMatch(/^cache;desc=miss, total;dur=/);
  });

  it('add up the largest amounts that an event can have', async () => {
    const rich = await aProject(app);
    const events = ['ada', 'bob'].flatMap((who) => [
      event(who, 'signup', '02T10:00:00.000'),
      event(who, 'purchase', '02T10:10:00.000', paid('99999999999999.9999', 'EUR')),
      event(`${who}2`, 'signup', '02T10:00:00.000'),
      event(`${who}2`, 'purchase', '02T10:10:00.000', paid('-99999999999999.9999', 'USD')),
    ]);
    expect((await ask(app, '/events/batch', { key: rich.keys.sec, body: { events } })).status).toBe(200);
    const { status, body } = await ask<Stats>(app, '/funnels/query', {
      key: rich.keys.sec,
      body: { steps: [SIGNUP, PURCHASE], ...RANGE },
    });
    expect([status, body.data.revenue]).toEqual([
      200,
      [
        { currency: 'EUR', amount: '199999999999999.9998' },
        { currency: 'USD', amount: '-199999999999999.9998' },
      ],
    ]);
  });

  it('have a row a value that add up to the whole, the rest as one', async () => {
    const { body } = await stats({ ...RANGE, breakdown: 'property:plan', limit: '1' });
    const rows = body.breakdown ?? [];
    expect(rows.map(({ value, other, ...figures }) => [value, other ?? false, ...counts(figures)])).toEqual([
      ['free', false, 2, 0, 1],
      [null, false, 1, 0, 0],
      [null, true, 1, 1, 1],
    ]);
    expect(rows.reduce((sum, { started }) => sum + started, 0)).toBe(body.data.started);
  });

  it('are told apart by the event that the attribution names', async () => {
    const wish = { ...RANGE, breakdown: 'event' };
    const values = async (more: Record<string, string>) =>
      ((await stats({ ...wish, ...more })).body.breakdown ?? []).map(({ value, started }) => [value, started]);
    expect(await values({})).toEqual([['signup', 4]]);
    expect(await values({ attribution: 'last' })).toEqual([
      ['purchase', 2],
      ['signup', 2],
    ]);
    expect(await values({ attribution: 'step', attributionStep: '3' })).toEqual([
      ['purchase', 2],
      [null, 2],
    ]);
  });

  it('have every local bucket in which an attempt could begin', async () => {
    const { body } = await stats({ ...RANGE, to: '2026-03-04', interval: 'day', timezone: 'Europe/Berlin' });
    const bucket = (day: string, of: number[], conversionRate: number) => ({
      time: `2026-03-${day}T00:00:00.000+01:00`,
      counts: of,
      started: of[0],
      converted: of[2],
      conversionRate,
      complete: true,
    });
    expect(body.trend).toEqual([
      bucket('02', [3, 1, 2], 2 / 3),
      bucket('03', [1, 0, 0], 0),
      bucket('04', [0, 0, 0], 0),
    ]);
    expect(body.meta.interval).toBe('day');
  });

  it('say of a bucket whose windows are open that it is not complete', async () => {
    const project = await aProject(app);
    await ask(app, '/events', { key: project.keys.sec, body: { name: 'signup', visitorId: 'ada' } });
    const id = await save(project, { name: 'Shop', steps: STEPS });
    const { body } = await look<Stats>(`/funnels/${id}/stats`, { period: '24h', interval: 'month' }, project);
    expect(body.trend?.map(({ complete }) => complete)).toEqual(body.trend?.map(() => false));
    expect(body.data.started).toBe(1);
  });

  it('stand beside those of another range', async () => {
    const { body } = await stats({ ...RANGE, compare: '2026-03-03..2026-03-03', breakdown: 'event', interval: 'day' });
    expect(counts(body.data)).toEqual([4, 1, 2]);
    expect(counts(body.comparison?.data ?? { ...body.data, steps: [] })).toEqual([1, 0, 0]);
    expect(body.comparison?.breakdown).toHaveLength(1);
    expect(body.comparison?.trend).toHaveLength(1);
    expect(body.comparison?.meta.from).toBe('2026-03-03T00:00:00.000Z');
    const before = (await stats({ ...RANGE, compare: 'previous' })).body.comparison;
    expect([before?.data.started, before?.data.conversionRate, before?.data.revenue]).toEqual([0, 0, []]);
  });

  it('are of the selected events', async () => {
    const { body } = await stats({ ...RANGE, filters: '["is","property:plan",["free"]]' });
    expect(counts(body.data)).toEqual([2, 0, 1]);
  });

  it('say what was read where that is asked for', async () => {
    const { body, headers } = await stats({ ...RANGE, explain: 'true' });
    expect(body.meta.explain).toMatchObject({ rows: expect.any(Number), parts: expect.any(Array) });
    expect(headers.get('server-timing')).toContain('query;dur=');
  });
});

describe('a funnel that is not saved', () => {
  const steps = [SIGNUP, PURCHASE];
  it.each<[string, Record<string, unknown>, number[]]>([
    ['of two steps', {}, [4, 2]],
    ['strict', { mode: 'strict' }, [4, 1]],
    ['in any order', { mode: 'any', steps: [PURCHASE, SIGNUP] }, [5, 2]],
    ['within half an hour to the second', { window: 1_800 }, [4, 2]],
    ['within a second less', { window: 1_799 }, [4, 1]],
    ['without the guide', { exclusions: [{ page: '/guide/**', fromStep: 1, toStep: 2 }] }, [4, 1]],
    ['with one plan throughout', { holdConstant: ['plan'] }, [3, 2]],
    ['of sessions', { countBy: 'session' }, [4, 2]],
    [
      'with a filter at a step',
      { steps: [SIGNUP, { ...PURCHASE, filters: ['is', 'property:plan', ['pro']] }] },
      [4, 1],
    ],
  ])('%s is answered the same way', async (_what, wish, expected) => {
    const { status, body } = await query({ steps, ...wish });
    expect([status, counts(body.data), body.meta.funnel]).toEqual([200, expected, undefined]);
  });

  it('in any order has rows of so many steps', async () => {
    const { body } = await query({ steps, mode: 'any' });
    expect(body.data.steps.map(({ name }) => name)).toEqual(['1 of 2', '2 of 2']);
  });

  it('keeps nothing', async () => {
    const list = () => look<{ data: unknown[] }>('/funnels', {});
    const before = (await list()).body.data.length;
    await query({ steps });
    expect((await list()).body.data).toHaveLength(before);
  });
});

describe('revisions', () => {
  it('can be asked for when the funnel has changed', async () => {
    const id = await save(shop, { name: 'Changing', steps: STEPS });
    await ask(app, `/funnels/${id}`, { key: shop.keys.sec, method: 'PATCH', body: { steps: [SIGNUP, PURCHASE] } });
    const now = (await stats(RANGE, id)).body;
    const then = (await stats({ ...RANGE, revision: '1' }, id)).body;
    expect([now.meta.funnel?.revision, now.data.steps.length]).toEqual([2, 2]);
    expect([then.meta.funnel?.revision, then.data.steps.length]).toEqual([1, 3]);
    expect((await stats({ ...RANGE, revision: '3' }, id)).status).toBe(404);
  });

  it('follow their goals, and say when one is gone', async () => {
    const key = shop.keys.sec;
    const goal = await ask<{ id: string }>(app, '/goals', { key, body: { name: 'Bought', event: 'purchase' } });
    const id = await save(shop, { name: 'Goal', steps: [SIGNUP, { goal: 'Bought' }] });
    const before = (await stats(RANGE, id)).body.data;
    expect([before.steps[1]?.name, ...counts(before)]).toEqual(['Bought', 4, 2]);
    await ask(app, `/goals/${goal.body.id}`, { key, method: 'PATCH', body: { name: 'Read', event: 'never' } });
    const after = (await stats(RANGE, id)).body.data;
    expect([after.steps[1]?.name, ...counts(after)]).toEqual(['Read', 4, 0]);
    await ask(app, `/goals/${goal.body.id}`, { key, method: 'DELETE' });
    expect(faultsOf(await stats(RANGE, id))).toBe('409 steps.1.goal unknown_goal');
    expect(((await stats(RANGE, id)).body as unknown as { code: string }).code).toBe('funnel_outdated');
  });
});

describe('the visitors of a funnel', () => {
  it('come with their attempts, the latest start first', async () => {
    const { status, body } = await visitors({ timezone: 'Europe/Berlin' });
    expect(status).toBe(200);
    expect(body.data.map(({ startedAt }) => startedAt)).toEqual([
      '2026-03-02T12:00:00.000+01:00',
      '2026-03-02T11:00:00.000+01:00',
    ]);
    expect(body.data[1]).toEqual({
      visitor: expect.stringMatching(/^[0-9a-f]{16}$/),
      startedAt: '2026-03-02T11:00:00.000+01:00',
      reached: 3,
      steps: [
        { step: 1, name: 'signup', time: '2026-03-02T11:00:00.000+01:00', secondsFromStart: 0 },
        { step: 2, name: 'Guide', time: '2026-03-02T11:01:00.000+01:00', secondsFromStart: 60 },
        { step: 3, name: 'purchase', time: '2026-03-02T11:10:00.000+01:00', secondsFromStart: 600 },
      ],
    });
    expect(body.meta).toMatchObject({ timezone: 'Europe/Berlin', funnel: { id: funnelId, revision: 1 } });
  });

  it('are those who gave up, in either word for it', async () => {
    const dropped = await visitors({ step: '1', dropped: 'true' });
    expect(dropped.body.data.map(({ startedAt, reached }) => [startedAt, reached])).toEqual([
      ['2026-03-03T09:00:00.000Z', 1],
      ['2026-03-02T12:00:00.000Z', 1],
    ]);
    expect((await visitors({ step: '1', state: 'dropped' })).body).toEqual(dropped.body);
    expect((await visitors({ step: '1' })).body.data).toHaveLength(4);
  });

  it('can be walked page by page, each of them once', async () => {
    const whole = (await visitors({ step: '1' })).body.data;
    const walked: unknown[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Answer<Attempts> = await visitors({ step: '1', limit: '1', ...(cursor === '' ? {} : { cursor }) });
      expect(page.status).toBe(200);
      walked.push(...page.body.data);
      cursor = page.body.page.next;
    }
    expect(walked).toEqual(whole);
  });

  it('are sessions where these are counted', async () => {
    const id = await save(shop, { name: 'Sessions', steps: [SIGNUP, PURCHASE], countBy: 'session' });
    const { body } = await visitors({}, id);
    expect(body.data.map(({ session }) => session?.beganAt)).toEqual([
      '2026-03-02T11:00:00.000Z',
      '2026-03-02T10:00:00.000Z',
    ]);
  });
});

describe('what is at the edge', () => {
  it('a cursor that nobody was given is no failure of ours', async () => {
    const range = [Date.parse('2026-03-02'), Date.parse('2026-03-04')];
    for (const [startedAt, unit] of [
      [-8.5e15, 'zz'],
      [8.5e15, "'; --"],
    ] as const) {
      const cursor = encodeCursor([startedAt, unit, ...range, 1]);
      const { status, body } = await visitors({ step: '1', cursor });
      expect([status, body.data.length]).toEqual([200, startedAt < 0 ? 0 : 4]);
    }
    const wide = encodeCursor([0, 'ff', -8.5e15, 8.5e15, 1]);
    const walk = await look<Attempts>(`/funnels/${funnelId}/visitors`, { period: 'today', step: '1', cursor: wide });
    expect([walk.status, walk.body.data]).toEqual([200, []]);
  });
});

describe('what is refused', () => {
  it.each<[Record<string, string>, string]>([
    [{}, 'period required'],
    [{ ...RANGE, breakdown: 'goal' }, 'breakdown not_a_breakdown'],
    [{ ...RANGE, breakdown: 'visitor' }, 'breakdown not_a_breakdown'],
    [{ ...RANGE, breakdown: 'shoe' }, 'breakdown unknown_dimension'],
    [{ ...RANGE, breakdown: 'country', attribution: 'step' }, 'attributionStep required'],
    [{ ...RANGE, breakdown: 'country', attributionStep: '1' }, 'attributionStep unexpected'],
    [{ ...RANGE, breakdown: 'country', attribution: 'step', attributionStep: '4' }, 'attributionStep out_of_range'],
    [{ ...RANGE, breakdown: 'country', limit: '101' }, 'limit out_of_range'],
    [{ from: '2020-01-01', to: '2026-01-01', interval: 'minute' }, 'interval too_many_buckets'],
    [{ ...RANGE, filters: '["is","goal",["None"]]' }, 'filters[2][0] unknown_goal'],
    [{ ...RANGE, filters: '["matches","page",["("]]' }, 'filters invalid_pattern'],
    [{ ...RANGE, compare: 'never' }, 'compare invalid_comparison'],
    [{ ...RANGE, revision: '0' }, 'revision out_of_range'],
  ])('of figures: %j', async (parameters, fault) => {
    expect(faultsOf(await stats(parameters))).toBe(`400 ${fault}`);
  });

  it.each<[Record<string, string>, string]>([
    [{ step: '1', dropped: 'true', state: 'converted' }, 'dropped contradiction'],
    [{ dropped: 'true' }, 'step required'],
    [{ step: '3', state: 'dropped' }, 'step out_of_range'],
    [{ step: '4' }, 'step out_of_range'],
    [{ cursor: 'bm9uZQ' }, 'cursor invalid_cursor'],
  ])('of visitors: %j', async (parameters, fault) => {
    expect(faultsOf(await visitors(parameters))).toBe(`400 ${fault}`);
  });

  it('of a question: goals that there are none of, and a name', async () => {
    expect(faultsOf(await query({ steps: [SIGNUP, { goal: 'None' }] }))).toBe('400 steps.1.goal unknown_goal');
    expect(faultsOf(await query({ name: 'Shop', steps: [SIGNUP, PURCHASE] }))).toBe('400 name unknown_field');
  });

  it('another project’s funnel', async () => {
    const other = await aProject(app);
    const paths = ['stats', 'visitors'].map((path) => look(`/funnels/${funnelId}/${path}`, RANGE, other));
    expect((await Promise.all(paths)).map(({ status }) => status)).toEqual([404, 404]);
  });
});
