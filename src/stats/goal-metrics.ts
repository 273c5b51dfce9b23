// Which figures do goals give? How often they are reached, by which share of visitors, and what that is worth.
import { moneyText } from '../common/money';
import { PLAIN } from '../events/query';
import { sql } from '../platform/clickhouse/sql';
import type { Metric } from './metric';

const parts = { converted: sql`countIf(notEmpty(facet.4))` };

const conversions: Metric = {
  name: 'conversions',
  side: 'events',
  needs: PLAIN,
  parts,
  total: sql`sumIf(converted, side = 0)`,
  ofGoals: true,
  sortable: true,
  nullable: false,
  read: Number,
  zero: () => 0,
};

const conversionRate: Metric = {
  ...conversions,
  name: 'conversionRate',
  needs: { identity: true, sessions: false },
  total: sql`if(out_of = 0, 0, uniqExactIf(identity, side = 0 AND converted > 0) / out_of)`,
  isRate: true,
};

/** TRICKY: a sum by keys leaves out keys whose sums are all 0. An amount of 0 is one too, so amounts are counted beside. */
const worth = sql`arrayFilter(goal -> goal.2 != '', facet.4)`;
const sums = sql`sumMapIf(worth.1, worth.2, worth.3, side = 0)`;

const goalRevenue: Metric = {
  ...conversions,
  name: 'goalRevenue',
  parts: {
    worth: sql`sumMap(arrayMap(goal -> goal.2, ${worth}), arrayMap(goal -> goal.3, ${worth}), arrayMap(goal -> 1, ${worth}))`,
  },
  total: sql`arrayZip(${sums}.1, arrayMap(amount -> toString(amount), ${sums}.2))`,
  sortable: false,
  read: (raw) =>
    (raw as [currency: string, amount: string][])
      .map(([currency, amount]) => ({ currency, amount: moneyText(amount) }))
      .sort((a, b) => (a.currency < b.currency ? -1 : 1)),
  zero: () => [],
};

/** The figures of goals, by name. */
export const GOAL_METRICS: readonly [string, Metric][] = [conversions, conversionRate, goalRevenue].map((metric) => [
  metric.name,
  metric,
]);
