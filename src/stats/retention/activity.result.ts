// What do rows of lifecycles and of active days become? A row a period, and the figures over all of them, scaled where a sample was read. Pure.
import { isoInZone } from '../../common/time-zone';
import { accountOf, groupBy, metaOf } from './answers';
import { largest, offBy, rateOffBy } from './margins';
import { stateAt } from './periods';
import type * as dto from './retention.answers.dto';
import type { ActivityQuestion, LifecycleRow, Sampled, StickinessRow } from './retention.types';

const STAGES = ['new', 'returning', 'resurrected', 'dormant'] as const;

/** A row a period. The question's periods have one before the first row. */
export const toLifecycle = (
  question: ActivityQuestion,
  answer: Sampled & { rows: readonly LifecycleRow[] },
): dto.LifecycleComparisonDto => {
  const { periods, timezone, now } = question;
  const { sample = 1, rows } = answer;
  const byPeriod = groupBy(rows, ({ period }) => period);
  const countOf = (row: LifecycleRow, stage: (typeof STAGES)[number]): number => row[stage === 'new' ? 'fresh' : stage];
  const sumIn = (of: readonly LifecycleRow[], stage: (typeof STAGES)[number]): number =>
    of.reduce((sum, row) => sum + countOf(row, stage), 0) * sample;
  const data = periods.starts.slice(1, periods.rows + 1).map((from, period): dto.LifecycleRowDto => {
    const of = byPeriod.get(period) ?? [];
    const [fresh = 0, returning = 0, resurrected = 0, dormant = 0] = STAGES.map((stage) => sumIn(of, stage));
    const to = periods.starts[period + 2] ?? from;
    return {
      time: isoInZone(timezone, from),
      visitors: fresh + returning + resurrected,
      new: fresh,
      returning,
      resurrected,
      dormant,
      complete: stateAt(now, { from, to }) === 'complete',
    };
  });
  const errorOf = (count: (row: LifecycleRow) => number): number =>
    largest(
      [...byPeriod.values()].map((of) => {
        const whole = of.reduce((sum, row) => sum + count(row), 0);
        const doubled = of.reduce((sum, row) => sum + row.doubled, 0);
        const parts = of.map((row) => ({ of: whole, count: count(row) }));
        return whole === 0 ? undefined : offBy(parts, doubled / whole);
      }),
    );
  const account = accountOf(answer, () => ({
    visitors: errorOf((row) => row.fresh + row.returning + row.resurrected),
    ...Object.fromEntries(STAGES.map((stage) => [stage, errorOf((row) => countOf(row, stage))])),
  }));
  return { data, meta: metaOf(question, account) };
};

/** Days of a period at most. */
const DAYS = { day: 1, week: 7, month: 31 } as const;

/** Visitors by number of active days, over all periods and of each. */
export const toStickiness = (
  question: ActivityQuestion,
  answer: Sampled & { rows: readonly StickinessRow[] },
): dto.StickinessComparisonDto => {
  const { periods, timezone, now, length } = question;
  const { sample = 1, rows } = answer;
  const figures = (of: readonly StickinessRow[]): dto.StickyDaysDto => {
    const counts = Array<number>(DAYS[length]).fill(0);
    for (const { days, visitors } of of) counts[days - 1] = (counts[days - 1] ?? 0) + visitors;
    const all = counts.reduce((sum, count) => sum + count, 0);
    const days = counts.reduce((sum, count, at) => sum + count * (at + 1), 0);
    return {
      data: counts.map((count, at) => ({
        days: at + 1,
        visitors: count * sample,
        rate: all === 0 ? 0 : count / all,
      })),
      visitors: all * sample,
      mean: all === 0 ? 0 : days / all,
    };
  };
  const byPeriod = groupBy(rows, ({ period }) => period);
  const account = accountOf(answer, () => stickyErrors(rows));
  return {
    ...figures(rows),
    periods: periods.starts.slice(0, periods.rows).map((from, period) => ({
      time: isoInZone(timezone, from),
      ...figures(byPeriod.get(period) ?? []),
      complete: stateAt(now, { from, to: periods.starts[period + 1] ?? from }) === 'complete',
    })),
    meta: metaOf(question, account),
  };
};

/** How far the figures over all periods can be off. */
const stickyErrors = (rows: readonly StickinessRow[]): Record<string, number> => {
  const doubled = rows.reduce((sum, row) => sum + row.doubled, 0);
  const byPart = [...groupBy(rows, ({ part }) => part).values()];
  const sum = (of: readonly StickinessRow[], each: (row: StickinessRow) => number): number =>
    of.reduce((total, row) => total + each(row), 0);
  const all = sum(rows, ({ visitors }) => visitors);
  const byDays = [...groupBy(rows, ({ days }) => days).keys()].map((days) => {
    const parts = byPart.map((of) => ({
      of: sum(of, ({ visitors }) => visitors),
      count: sum(of, (row) => (row.days === days ? row.visitors : 0)),
    }));
    const bias =
      doubled /
      Math.max(
        1,
        sum(rows, (row) => (row.days === days ? row.visitors : 0)),
      );
    return { visitors: offBy(parts, bias), rate: rateOffBy(parts, bias) };
  });
  const means = byPart.map((of) => ({
    of: sum(of, ({ visitors }) => visitors),
    count: sum(of, ({ days, visitors }) => days * visitors),
  }));
  return {
    visitors: largest(byDays.map(({ visitors }) => visitors)),
    rate: largest(byDays.map(({ rate }) => rate)),
    mean: rateOffBy(means, all === 0 ? 0 : doubled / all),
  };
};
