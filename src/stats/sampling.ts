// When is a sample of visitors enough, what do its figures stand for, and how far can they be off? Pure.
import { timesAmount } from '../common/money';
import { metricOf } from './metrics';
import { isAboutVisitors, meanError, sampleOf, SPREAD, sumError } from './spread';
import { goalsOf } from './stats.goals';
import type { StatsPlan } from './stats.plan';
import type { MetricValue, StatsQuery, StatsRow } from './stats.types';

/** Rows that a chart can read at once in some 200 ms: cutting sessions costs several times as much as counting events. */
const PLAIN_ROWS = 2_000_000;
const SESSION_ROWS = 400_000;
/** Beyond so many some visitors are left out: of a short range more is read around it than in it. */
const WHOLE_SESSION_ROWS = 250_000;
/** Figures that grow with the number of visitors; means and shares stay as they are. */
const GROWS =
  /^(visitors|sessions|pageviews|events|revenue|uniqueEvents|entries|exits|conversions|goalRevenue|sum\(.*\))$/s;
/** Figures of which a sample says nothing about the whole. */
const UNKNOWABLE = /^(min|max|uniq)\(/;

/** One of how many visitors to read for a question over so many events; undefined: all of them. */
export const sampleFor = (query: StatsQuery, plan: StatsPlan, events: number): number | undefined => {
  if (query.metrics.some((name) => UNKNOWABLE.test(name))) return undefined;
  if (isAboutVisitors([query.groupings, query.filter, goalsOf(query)])) return undefined;
  if (!plan.needs.sessions) return sampleOf(events, PLAIN_ROWS);
  return events <= WHOLE_SESSION_ROWS ? undefined : (sampleOf(events, SESSION_ROWS) ?? 2);
};

/** A sample's row as an estimate for all visitors. */
export const grown = (query: StatsQuery, row: StatsRow, sample: number): StatsRow => ({
  groups: row.groups,
  values: row.values.map((value, at) => (GROWS.test(query.metrics[at] ?? '') ? times(value, sample) : value)),
});

const times = (value: MetricValue, sample: number): MetricValue => {
  if (value === null) return null;
  if (typeof value === 'number') return value * sample;
  return value.map(({ currency, amount }) => ({ currency, amount: timesAmount(amount, sample) }));
};

/** A part of a sample: a group's figures among one part of its visitors; part -1: among all of them. */
export interface PartRow extends StatsRow {
  readonly part: number;
  /** Share of the visitors that may stand for more than one, as users with several devices do. */
  readonly doubled: number;
}

/** By metric: the bound within which the error of each listed figure lies in 95 of 100 cases, as a fraction of it.
 *  From the differences between parts of the sample, which holds for sums and for means, whatever visitors are like. Of what a sample
 *  does not hold at all nothing is known: the bound is 1. */
export const errorsOf = (
  query: StatsQuery,
  rows: readonly StatsRow[],
  parts: readonly PartRow[],
): Record<string, number> => {
  const byGroup = new Map<string, PartRow[]>();
  for (const part of parts) {
    const key = JSON.stringify(part.groups);
    byGroup.set(key, [...(byGroup.get(key) ?? []), part]);
  }
  return Object.fromEntries(
    query.metrics.map((name, at) => {
      const errors = rows.map((row) => {
        const ofGroup = byGroup.get(JSON.stringify(row.groups)) ?? [];
        const twice = name === 'visitors' || metricOf(name).side === 'sessions';
        const bias = twice ? (ofGroup.find(({ part }) => part < 0)?.doubled ?? 0) : 0;
        return (
          errorOf(
            name,
            row,
            at,
            ofGroup.filter(({ part }) => part >= 0),
          ) + bias
        );
      });
      const known = rows.some((row) => (sizeOf(row.values[at]) ?? 0) !== 0);
      return [name, known ? Math.round(Math.max(0, ...errors) * 10_000) / 10_000 : 1];
    }),
  );
};

const errorOf = (name: string, row: StatsRow, at: number, parts: readonly PartRow[]): number => {
  const whole = sizeOf(row.values[at]);
  if (whole === undefined || whole === 0) return 0;
  const found = parts.map(({ values }) => sizeOf(values[at])).filter((value) => value !== undefined);
  if (GROWS.test(name)) return sumError(found);
  // A part in which nobody reached a goal has no row of it, but a rate: 0.
  const unreached = metricOf(name).isRate === true ? Array<number>(Math.max(0, SPREAD - found.length)).fill(0) : [];
  return meanError([...found, ...unreached], whole);
};

/** A figure as one number; of money all currencies together, as their errors go together. */
const sizeOf = (value: MetricValue | undefined): number | undefined => {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' ? value : value.reduce((sum, { amount }) => sum + Number(amount), 0);
};
