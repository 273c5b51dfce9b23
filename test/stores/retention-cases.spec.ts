// What do cohorts, lifecycles and active days say about small histories that anyone can count?
import {
  lifecycleQuestion,
  retentionQuestion,
  stickinessQuestion,
  type Surroundings,
} from '../../src/stats/retention/retention.request';
import { toLifecycle, toStickiness } from '../../src/stats/retention/activity.result';
import type { RetentionQuery } from '../../src/stats/retention/retention.dto';
import { toRetention } from '../../src/stats/retention/retention.result';
import type { Link, RawEvent } from '../support/reference/statistics';
import { aRetentionHarness, type RetentionHarness } from '../support/retention-world';

let harness: RetentionHarness;
beforeAll(async () => {
  harness = await aRetentionHarness();
});
afterAll(() => harness.clickhouse.onApplicationShutdown());

const VISITORS: Record<string, string> = { ada: 'f000000000000001', bob: 'f000000000000002', cy: 'f000000000000003' };
const USER = 'e000000000000001';
let lastId = 0;
/** An event of a visitor at a UTC time such as `03-02 12:00`. */
const event = (who: string, at: string, more: Partial<RawEvent> = {}): RawEvent => {
  const ts = Date.parse(`2026-${at.replace(' ', 'T')}:00.000Z`);
  lastId += 1;
  return {
    id: `${lastId.toString(16).padStart(8, '0')}-0000-4000-8000-000000000001`,
    ts,
    receivedAt: ts,
    seq: 0,
    name: 'pageview',
    visitor: VISITORS[who] ?? '',
    user: '',
    session: '',
    path: '/',
    country: '',
    properties: {},
    revenue: 0,
    currency: '',
    ...more,
  };
};
const LATER = Date.UTC(2026, 11, 1);
const MARCH = { from: '2026-03-02', to: '2026-03-04' };

const surroundings = async (
  events: readonly RawEvent[],
  { from, to }: { from: string; to: string },
  { now = LATER, links = [], ...span }: { now?: number; links?: Link[]; since?: number } = {},
): Promise<Surroundings> => ({
  project: await harness.settle([events], links),
  homeZone: 'UTC',
  span: { range: { from: Date.parse(from), to: Date.parse(to) + 86_400_000 }, timezone: 'UTC', ...span },
  goals: [],
  now,
});

const table = async (around: Surroundings, request: RetentionQuery) => {
  const question = retentionQuestion({ interval: 'day', ...request }, around);
  return toRetention(question, await harness.retentions.cohorts(question));
};
/** Each row as its size and its cells: `2: 2 1 -`, with `~` behind what is open. */
const shown = ({ data }: Pick<Awaited<ReturnType<typeof table>>, 'data'>): string[] =>
  data.map(
    ({ size, cells }) =>
      `${size}: ${cells.map(({ visitors, state }) => `${visitors ?? '-'}${state === 'open' ? '~' : ''}`).join(' ')}`,
  );

it('takes who was there before the range for no new visitor', async () => {
  const events = [event('ada', '02-01 12:00'), event('ada', '03-02 12:00'), event('bob', '03-02 12:00')];
  expect(shown(await table(await surroundings(events, MARCH), { columns: 0 }))).toEqual(['1: 1', '0: 0', '0: 0']);
});

it('takes who did the start event before the range for no new visitor, whatever else they did', async () => {
  const events = [
    event('ada', '02-01 12:00', { name: 'signup' }),
    event('ada', '03-02 12:00', { name: 'signup' }),
    event('bob', '02-01 12:00'),
    event('bob', '03-02 12:00', { name: 'signup' }),
    event('bob', '03-03 12:00'),
  ];
  const around = await surroundings(events, MARCH);
  expect(shown(await table(around, { columns: 1, startEvent: 'signup' }))).toEqual(['1: 1 1', '0: 0 0', '0: 0 0']);
  expect(shown(await table(around, { columns: 1 }))).toEqual(['0: 0 0', '0: 0 0', '0: 0 0']);
});

it('takes for new who was there only before events are shown', async () => {
  const events = [event('ada', '02-01 12:00'), event('ada', '03-02 12:00')];
  const around = await surroundings(events, MARCH, { since: Date.UTC(2026, 1, 15) });
  expect(shown(await table(around, { columns: 0 }))).toEqual(['1: 1', '0: 0', '0: 0']);
});

it('joins the anonymous past of a user by a link that was made later', async () => {
  const events = [
    event('ada', '03-02 12:00'),
    event('bob', '03-03 12:00', { user: USER }),
    event('ada', '03-04 12:00', { user: USER }),
  ];
  const links = ['ada', 'bob'].map((who) => ({ visitor: VISITORS[who] ?? '', user: USER, at: Date.UTC(2026, 2, 4) }));
  expect(shown(await table(await surroundings(events, MARCH, { links }), { columns: 2 }))).toEqual([
    '1: 1 1 1',
    '0: 0 0 0',
    '0: 0 0 0',
  ]);
});

it('says which cells lie in the future, and which can still grow', async () => {
  const events = [event('ada', '03-02 12:00'), event('ada', '03-03 12:00'), event('bob', '03-03 09:00')];
  const around = await surroundings(events, MARCH, { now: Date.UTC(2026, 2, 3, 18) });
  const answer = await table(around, { columns: 2 });
  expect(shown(answer)).toEqual(['1: 1 1~ -', '1: 1~ - -', '0: - - -']);
  expect(answer.data[1]?.cells[1]).toEqual({ period: 1, visitors: null, rate: null, state: 'future' });
  // Of complete cells alone: of the next day there is none.
  expect(answer.averages.map(({ size, visitors, rate }) => [size, visitors, rate])).toEqual([
    [1, 1, 1],
    [0, 0, null],
    [0, 0, null],
  ]);
  // What comes until the last column can still be added to each of them.
  expect(shown(await table(around, { columns: 2, mode: 'onOrAfter' }))).toEqual([
    '1: 1~ 1~ -',
    '1: 1~ - -',
    '0: - - -',
  ]);
});

it('counts who returned on a day, or on it or after it', async () => {
  const events = ['03-02 12:00', '03-04 12:00', '03-09 12:00'].map((at) => event('ada', at));
  const around = await surroundings(events, { from: '2026-03-02', to: '2026-03-02' });
  expect(shown(await table(around, { columns: 4 }))).toEqual(['1: 1 0 1 0 0']);
  expect(shown(await table(around, { columns: 4, mode: 'onOrAfter' }))).toEqual(['1: 1 1 1 0 0']);
  expect(shown(await table(around, { columns: 7, mode: 'onOrAfter' }))).toEqual(['1: 1 1 1 1 1 1 1 1']);
});

it('counts a return from the moment of the start on', async () => {
  const buy = (who: string, at: string) => event(who, at, { name: 'buy' });
  const signup = (who: string, at: string) => event(who, at, { name: 'signup' });
  const events = [
    buy('ada', '03-02 11:59'),
    signup('ada', '03-02 12:00'),
    signup('bob', '03-02 12:00'),
    buy('bob', '03-02 12:00'),
    signup('cy', '03-02 12:00'),
    buy('cy', '03-02 12:01'),
  ];
  const around = await surroundings(events, { from: '2026-03-02', to: '2026-03-02' });
  const asked = { startEvent: 'signup', returnEvent: 'buy', columns: 0 };
  expect(shown(await table(around, asked))).toEqual(['3: 2']);
});

it('gives a period that the range cuts one row, of those who began inside the range', async () => {
  const events = [event('ada', '03-03 12:00'), event('bob', '03-05 12:00'), event('cy', '03-11 12:00')];
  const week = { interval: 'week', columns: 1 } as const;
  // From a Wednesday to a Tuesday.
  const answer = await table(await surroundings(events, { from: '2026-03-04', to: '2026-03-10' }), week);
  expect(answer.data.map(({ cohort }) => cohort)).toEqual(['2026-03-02T00:00:00.000Z', '2026-03-09T00:00:00.000Z']);
  expect(shown(answer)).toEqual(['1: 1 0', '0: 0 0']);
});

it('tells values, no value, and the others of a breakdown apart', async () => {
  const plan = (value?: string) => ({ properties: value === undefined ? {} : { plan: value } });
  const events = [
    event('ada', '03-02 12:00', plan('')),
    event('bob', '03-02 12:00', plan('+')),
    event('cy', '03-03 12:00', plan()),
    // Only the first event counts.
    event('cy', '03-04 12:00', plan('+')),
  ];
  const around = await surroundings(events, MARCH);
  const { breakdown } = await table(around, { columns: 1, breakdown: 'property:plan', limit: 2 });
  expect(breakdown?.rows.map(({ value, size }) => [value, size])).toEqual([
    [null, 1],
    ['', 1],
  ]);
  expect(breakdown?.rows[0] && shown(breakdown.rows[0])).toEqual(['0: 0 0', '1: 1 1', '0: 0 0']);
  expect(breakdown?.other && shown(breakdown.other)).toEqual(['1: 1 0', '0: 0 0', '0: 0 0']);
});

it('says who was new, stayed, came back and stayed away', async () => {
  const events = [
    ...['03-01 12:00', '03-02 12:00', '03-04 12:00'].map((at) => event('ada', at)),
    ...['03-02 12:00', '03-02 13:00', '03-03 12:00', '03-04 12:00'].map((at) => event('bob', at)),
  ];
  const around = await surroundings(events, MARCH, { now: Date.UTC(2026, 2, 4, 13) });
  const question = lifecycleQuestion({ interval: 'day' }, around);
  const { data } = toLifecycle(question, await harness.retentions.lifecycle(question));
  expect(data.map((row) => [row.new, row.returning, row.resurrected, row.dormant, row.complete])).toEqual([
    [1, 1, 0, 0, true],
    [0, 1, 0, 1, true],
    [0, 1, 1, 0, false],
  ]);
});

it('counts a day of 25 hours once, and two local days of one UTC day twice', async () => {
  const events = [
    // New York, 1 November: half past midnight and half past eleven at night, 24 hours apart.
    ...['11-01 04:30', '11-02 04:30'].map((at) => event('ada', at)),
    // The last minute of the 1st and the first of the 2nd.
    ...['11-02 04:59', '11-02 05:00'].map((at) => event('bob', at)),
  ];
  const around = await surroundings(events, { from: '2026-11-01', to: '2026-11-07' });
  const question = stickinessQuestion({}, { ...around, span: { ...around.span, timezone: 'America/New_York' } });
  const { data, mean, periods } = toStickiness(question, await harness.retentions.stickiness(question));
  expect(periods.map(({ time, visitors }) => [time, visitors])).toEqual([
    ['2026-10-26T00:00:00.000-04:00', 2],
    ['2026-11-02T00:00:00.000-05:00', 1],
  ]);
  expect(data.slice(0, 2).map(({ visitors }) => visitors)).toEqual([3, 0]);
  expect(mean).toBe(1);
  const month = stickinessQuestion({ interval: 'month' }, { ...around, span: question });
  const days = toStickiness(month, await harness.retentions.stickiness(month));
  expect(days.data.slice(0, 3).map(({ visitors }) => visitors)).toEqual([1, 1, 0]);
});
