// Which SQL does each kind of question become? Text and bound values, to be read in review.
import { parseFilter } from '../events/query';
import { DAY_MS } from '../common/time-range';
import { render } from '../platform/clickhouse/sql';
import { OVERVIEW_METRICS } from './metrics';
import { isOverview, overviewSql } from './overview.queries';
import { planOf } from './stats.plan';
import { firstEvent, type Reading, statsSql } from './stats.queries';
import { question } from './stats.request';
import type { StatsQuery } from './stats.types';

const range = { from: Date.UTC(2026, 2, 7, 5), to: Date.UTC(2026, 2, 10, 4) };
const near = { from: range.from - DAY_MS, to: range.to + DAY_MS };
const ask = (parts: Partial<StatsQuery>): StatsQuery =>
  question({
    project: 7,
    range,
    timezone: 'America/New_York',
    metrics: ['visitors'],
    groupings: [],
    order: [],
    ...parts,
  });

const rendered = (parts: Partial<StatsQuery>, reading: Reading = {}) => {
  const query = ask(parts);
  const plan = planOf(query);
  return { plan, ...render(statsSql(query, plan, plan.needs.sessions ? { scan: { near }, ...reading } : reading)) };
};

it('reads no sessions and no links for a question about events alone', () => {
  expect(rendered({ metrics: ['pageviews', 'revenue'] })).toMatchSnapshot();
});

it('asks for the overview', () => {
  expect(rendered({ metrics: OVERVIEW_METRICS })).toMatchSnapshot();
});

it('reads the overview of a sample in one pass', () => {
  const query = ask({ metrics: OVERVIEW_METRICS, filter: parseFilter(['is', 'country', ['DE']]) });
  expect(isOverview(query, planOf(query))).toBe(true);
  expect(render(overviewSql(query, { scan: { near }, sample: { of: 64 }, spread: 16 }))).toMatchSnapshot();
});

it.each<[string, Partial<StatsQuery>]>([
  ['groups', { groupings: [{ kind: 'time', interval: 'day' }] }],
  ['other figures', { metrics: ['sessions', 'entries'] }],
  ['ends of sessions', { filter: parseFilter(['is', 'entryPage', ['/']]) }],
  ['no sessions', { metrics: ['visitors'] }],
])('reads %s otherwise', (_, parts) => {
  const query = ask({ metrics: OVERVIEW_METRICS, ...parts });
  expect(isOverview(query, planOf(query))).toBe(false);
});

it('follows sessions that never rest as far as they reach', () => {
  const far = { range: { from: range.from - 9 * DAY_MS, to: range.to }, visitors: ['18446744073709551615'] };
  expect(rendered({ metrics: ['sessions'] }, { scan: { near, far } })).toMatchSnapshot();
});

it('reads a sample of visitors, and how much parts of it differ', () => {
  expect(
    rendered({ metrics: ['visitors', 'bounceRate'] }, { scan: { near }, sample: { of: 64 }, spread: 16 }),
  ).toMatchSnapshot();
});

it('reads a sample from copies, and from the events what is in none', () => {
  const middle = { from: range.from + 3_600_000, to: range.to - 3_600_000 };
  const copies = { stretches: [middle], versions: [7, 9] };
  expect(rendered({ metrics: ['pageviews'] }, { sample: { of: 256, copies } })).toMatchSnapshot();
  const elsewhere = { stretches: [{ from: 0, to: 1 }], versions: [7] };
  expect(rendered({ metrics: ['pageviews'] }, { sample: { of: 256, copies: elsewhere } })).toEqual(
    rendered({ metrics: ['pageviews'] }, { sample: { of: 256 } }),
  );
});

it('asks for buckets with their beginnings as runs', () => {
  expect(rendered({ groupings: [{ kind: 'time', interval: 'day' }] })).toMatchSnapshot();
});

it('asks for a page of a breakdown', () => {
  expect(
    rendered({
      metrics: ['visitors', 'bounceRate'],
      groupings: [{ kind: 'value', dimension: 'property:plan' }],
      filter: parseFilter(['is', 'entryPage', ['/']]),
      search: 'pr',
      order: [
        { column: { metric: 1 }, descending: true },
        { column: { grouping: 0 }, descending: false },
      ],
      limit: 51,
      after: [0.25, 'pro'],
    }),
  ).toMatchSnapshot();
});

const GOALS = [
  {
    id: '018f0000-0000-7000-8000-000000000001',
    name: "it's \\ a goal",
    filter: parseFilter(['is', 'event', ['signup']]),
    value: { amount: '12.50', currency: 'EUR' },
  },
  {
    id: '018f0000-0000-7000-8000-000000000002',
    name: 'Bought',
    filter: parseFilter(['and', ['is', 'event', ['buy']], ['did', ['is', 'event', ['trial']]]]),
    value: { property: 'price', currency: 'USD' },
  },
];

it('looks for goals in one read, out of whoever the filter selects without them', () => {
  const filter = parseFilter(['and', ['is', 'country', ['DE']], ['is', 'event', ['signup']]]);
  const outOf = { filter: parseFilter(['is', 'country', ['DE']]) };
  const metrics = ['conversions', 'conversionRate', 'goalRevenue'];
  expect(
    rendered({ metrics, groupings: [{ kind: 'value', dimension: 'page' }], filter, goals: GOALS, outOf }),
  ).toMatchSnapshot();
});

it('asks for a page of goals, with how much parts of a sample differ', () => {
  expect(
    rendered(
      {
        metrics: ['conversionRate', 'sessions'],
        groupings: [
          { kind: 'goal', goals: GOALS },
          { kind: 'value', dimension: 'property:plan' },
        ],
        search: 'bou',
        order: [
          { column: { metric: 0 }, descending: true },
          { column: { grouping: 0 }, descending: false },
          { column: { grouping: 1 }, descending: false },
        ],
        limit: 11,
        after: [0.25, 'Bought', 'pro'],
      },
      { sample: { of: 8 }, spread: 16 },
    ),
  ).toMatchSnapshot();
});

it('finds no goal where a project has none', () => {
  expect(rendered({ metrics: ['conversions'], groupings: [{ kind: 'goal', goals: [] }] })).toMatchSnapshot();
});

it('looks when the first event was', () => {
  expect(render(firstEvent(7))).toMatchSnapshot();
});

it('refuses more buckets than an answer may have', () => {
  const year = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) };
  expect(() => rendered({ range: year, groupings: [{ kind: 'time', interval: 'minute' }] })).toThrow(
    'must give at most 10000 buckets',
  );
});
