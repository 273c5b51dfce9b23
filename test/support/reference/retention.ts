// Who comes back? The definitions of docs/retention.md in plain TypeScript over a list of events: slow and obvious.
//
// - Everything is as if only the events that the filter selects had happened; `did` looks through the asked range.
// - A period is what the local calendar calls a day, a week (by its Monday) or a month. Rows are the periods that touch the range.
// - A visitor belongs to the cohort of the period of their first start event ever, where that lies in the range itself. Of events
//   of one moment the first is that which arrived first, then by place in the request, then by id.
// - A cell counts the visitors of the cohort with a return so many periods later, at the moment of their start or after it;
//   `onOrAfter` also counts those who returned later, up to the last column.
// - A cell is in the future when its period has not begun, and open while something can still be added to it. Averages are of
//   complete cells: all who returned by all who could.
// - Of a breakdown a visitor's value is that of their first start event; values are in the order of their visitors, then by
//   their bytes, and those beyond the limit are one.
// - In a period a visitor is new if their first event ever lies in it, else returning if they were active in the period before,
//   else resurrected. Dormant are those of the period before who are not there. Periods are whole, whatever the range cuts.
// - Stickiness counts the local days of a period on which a visitor was active.
import type { TimeRange } from '../../../src/common/time-range';
import { bucketName, type JsonFilter, type seeEvents, selects, valueOf } from './statistics';

type SeenEvent = ReturnType<typeof seeEvents>[number];
type Is = (event: SeenEvent) => boolean;

/** What is asked. */
export interface Asked {
  zone: string;
  interval: 'day' | 'week' | 'month';
  range: TimeRange;
  now: number;
  filter?: JsonFilter | undefined;
}

export interface AskedRetention extends Asked {
  columns: number;
  isStart: Is;
  isReturn: Is;
  mode: 'on' | 'onOrAfter';
  breakdown?: { dimension: string; limit: number } | undefined;
}

const DAY = 24 * 3_600_000;
const LENGTH = { day: 1, week: 7, month: 31 };

/** Names of the periods around a range in their order: no day is shorter than a quarter of one, no other period than a day. */
export function periodNames({ zone, interval, range }: Asked, further: number): string[] {
  const around = (further + 3) * LENGTH[interval] * DAY;
  const step = interval === 'day' ? DAY / 4 : DAY;
  const names = new Set<string>();
  for (let at = range.from - around; at < range.to + around; at += step) names.add(bucketName(at, zone, interval));
  return [...names];
}

interface Calendar {
  /** The places of periods that touch the range. */
  rows: number[];
  nameOf: (place: number) => string;
  placeOf: (at: number) => number;
}

function calendarOf(asked: Asked, further: number): Calendar {
  const names = periodNames(asked, further);
  // Names are in the order of their texts too, so what lies before all of them is before them.
  const placeOf = (at: number): number => {
    const name = bucketName(at, asked.zone, asked.interval);
    return names.includes(name) ? names.indexOf(name) : name < (names[0] ?? '') ? -1_000 : 1_000_000;
  };
  const first = placeOf(asked.range.from);
  const last = placeOf(asked.range.to - 1);
  const rows = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  return { rows, nameOf: (place) => names[place] ?? '', placeOf };
}

const isIn = (at: number, range: TimeRange): boolean => at >= range.from && at < range.to;

const byVisitor = (all: SeenEvent[], asked: Asked): Map<string, SeenEvent[]> => {
  const visitors = new Map<string, SeenEvent[]>();
  for (const event of all.filter((one) => selects(asked.filter, one, all, asked.range)))
    visitors.set(event.identity, [...(visitors.get(event.identity) ?? []), event]);
  return visitors;
};

interface Beginner {
  cohort: number;
  value: string | null;
  /** Periods after the cohort's in which there was a return. */
  offsets: Set<number>;
}

const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The table of cohorts, and those of the values. */
export function retention(all: SeenEvent[], asked: AskedRetention) {
  const { rows, nameOf, placeOf } = calendarOf(asked, asked.columns);
  const today = placeOf(asked.now);
  const beginners: Beginner[] = [];
  for (const events of byVisitor(all, asked).values()) {
    const first = events.find(asked.isStart);
    if (first === undefined || !isIn(first.ts, asked.range)) continue;
    const cohort = placeOf(first.ts);
    const returns = events.filter((event) => event.ts >= first.ts && asked.isReturn(event));
    const value = asked.breakdown === undefined ? null : (valueOf(first, asked.breakdown.dimension) ?? null);
    beginners.push({ cohort, value, offsets: new Set(returns.map(({ ts }) => placeOf(ts) - cohort)) });
  }
  const columns = Array.from({ length: asked.columns + 1 }, (_, column) => column);
  const came = ({ offsets }: Beginner, column: number): boolean =>
    asked.mode === 'on'
      ? offsets.has(column)
      : [...offsets].some((offset) => offset >= column && offset <= asked.columns);
  const stateOf = (cohort: number, column: number): string => {
    const last = asked.mode === 'on' ? cohort + column : cohort + asked.columns;
    return cohort + column > today ? 'future' : last >= today ? 'open' : 'complete';
  };
  const rate = (count: number, of: number): number | null => (of === 0 ? null : count / of);
  const table = (who: Beginner[]) => ({
    data: rows.map((cohort) => {
      const own = who.filter((one) => one.cohort === cohort);
      return {
        cohort: nameOf(cohort),
        size: own.length,
        cells: columns.map((period) => {
          const state = stateOf(cohort, period);
          const visitors = own.filter((one) => came(one, period)).length;
          return state === 'future'
            ? { period, visitors: null, rate: null, state }
            : { period, visitors, rate: rate(visitors, own.length), state };
        }),
      };
    }),
    averages: columns.map((period) => {
      const own = who.filter(({ cohort }) => stateOf(cohort, period) === 'complete');
      const visitors = own.filter((one) => came(one, period)).length;
      return { period, size: own.length, visitors, rate: rate(visitors, own.length) };
    }),
  });
  if (asked.breakdown === undefined) return table(beginners);
  const values = [...new Set(beginners.map(({ value }) => value))]
    .map((value) => ({ value, who: beginners.filter((one) => one.value === value) }))
    .sort(
      (a, b) =>
        b.who.length - a.who.length ||
        Number(a.value !== null) - Number(b.value !== null) ||
        compareKeys(a.value ?? '', b.value ?? ''),
    );
  const others = values.slice(asked.breakdown.limit).flatMap(({ who }) => who);
  return {
    ...table(beginners),
    breakdown: {
      dimension: asked.breakdown.dimension,
      rows: values
        .slice(0, asked.breakdown.limit)
        .map(({ value, who }) => ({ value, size: who.length, ...table(who) })),
      ...(others.length === 0 ? {} : { other: { size: others.length, ...table(others) } }),
    },
  };
}

/** What visitors were in each period. */
export function lifecycle(all: SeenEvent[], asked: Asked) {
  const { rows, nameOf, placeOf } = calendarOf(asked, 1);
  const today = placeOf(asked.now);
  const visitors = [...byVisitor(all, asked).values()].map((events) => events.map(({ ts }) => placeOf(ts)));
  return rows.map((row) => {
    const count = (is: (places: number[]) => boolean): number => visitors.filter(is).length;
    return {
      time: nameOf(row),
      visitors: count((places) => places.includes(row)),
      new: count((places) => places[0] === row),
      returning: count((places) => places.includes(row) && places.includes(row - 1)),
      resurrected: count((places) => places.includes(row) && !places.includes(row - 1) && (places[0] ?? row) < row),
      dormant: count((places) => places.includes(row - 1) && !places.includes(row)),
      complete: row < today,
    };
  });
}

/** On how many days visitors were active in each period: visitors by number of days, 1 first. */
export function stickiness(all: SeenEvent[], asked: Asked): { time: string; counts: number[] }[] {
  const { rows, nameOf, placeOf } = calendarOf(asked, 1);
  const visitors = [...byVisitor(all, asked).values()];
  return rows.map((row) => {
    const counts = Array<number>(LENGTH[asked.interval]).fill(0);
    for (const events of visitors) {
      const own = events.filter(({ ts }) => placeOf(ts) === row);
      const days = new Set(own.map(({ ts }) => bucketName(ts, asked.zone, 'day'))).size;
      if (days > 0) counts[days - 1] = (counts[days - 1] ?? 0) + 1;
    }
    return { time: nameOf(row), counts };
  });
}
