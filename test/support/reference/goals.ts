// What do goals count? The definitions of docs/statistics.md in plain TypeScript over a list of events: slow and obvious.
//
// - An event reaches a goal where it has the goal's event name, or is a pageview of a path that its glob means, and where the goal's
//   filter selects it. It may reach several.
// - conversions: the selected events in the range that reach a goal; each once.
// - conversionRate: the visitors of these, out of the visitors of all events in the range that the filter would select if no test of
//   `goal` stood at its top (it alone, or in an `and` there); 0 where there are none.
// - goalRevenue: what each conversion is worth, per currency, once for each goal that it reaches: the goal's fixed amount, or its
//   property where that is a number of less than 10^40, to 18 decimals.
// - In a row of a goal all of it is of that goal alone, and a rate is out of whom it would be out of without the goal.
import type { TimeRange } from '../../../src/common/time-range';
import { decimals, type Figures, grouped, isIn, type JsonFilter, type SeenEvent, selects } from './statistics';

/** A goal as it is kept. */
export interface KnownGoal {
  name: string;
  event?: string;
  page?: string;
  filters?: JsonFilter;
  value?: { amount: string; currency: string } | { property: string; currency: string };
}

/** Whether a glob means a path: `*` is any text within a part, `?` one character of it, `**` any number of parts. */
export function globMeans(glob: string, path: string): boolean {
  if (glob === '') return path === '';
  if (glob === '/**') return path === '' || path.startsWith('/');
  if (glob.startsWith('/**/'))
    return (
      path.startsWith('/') && [...path].some((char, at) => char === '/' && globMeans(glob.slice(3), path.slice(at)))
    );
  const rests = [...path, ''].map((_, at) => path.slice(at));
  if (glob.startsWith('**')) return rests.some((rest) => globMeans(glob.slice(2), rest));
  if (glob.startsWith('*'))
    return rests.some((rest, at) => !path.slice(0, at).includes('/') && globMeans(glob.slice(1), rest));
  const first = glob[0] === '?' ? path !== '' && path[0] !== '/' : glob[0] === path[0];
  return first && globMeans(glob.slice(1), path.slice(1));
}

/** Says of each event which goals it reaches. @returns the same events */
export function reachGoals(all: SeenEvent[], goals: readonly KnownGoal[], range: TimeRange): SeenEvent[] {
  for (const event of all)
    event.goals = goals
      .filter(({ event: name, page, filters }) => {
        const there =
          page === undefined ? event.name === name : event.name === 'pageview' && globMeans(page, event.path);
        return there && selects(filters, event, all, range);
      })
      .map(({ name }) => name);
  return all;
}

/** A filter without the tests of goals at its top; undefined: nothing is left of it. */
function regardless(filter: JsonFilter | undefined): JsonFilter | undefined {
  if (filter === undefined || (filter[0] !== 'and' && filter[1] === 'goal')) return undefined;
  if (filter[0] !== 'and') return filter;
  return [
    'and',
    ...filter.slice(1).flatMap((part) => {
      const rest = regardless(part as JsonFilter);
      return rest === undefined ? [] : [rest];
    }),
  ];
}

const moneyOf = (units: bigint): string => {
  const digits = (units < 0n ? -units : units).toString().padStart(19, '0');
  const places = digits.slice(-18).replace(/0+$/, '').padEnd(2, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -18)}.${places}`;
};

const visitors = (events: readonly SeenEvent[]): number => new Set(events.map(({ identity }) => identity)).size;

/** The figures of these goals, of these conversions among these events. */
function figuresOfGoals(goals: readonly KnownGoal[], converted: readonly SeenEvent[], among: readonly SeenEvent[]) {
  const money = new Map<string, bigint>();
  for (const event of converted)
    for (const { name, value } of goals) {
      if (value === undefined || !event.goals?.includes(name)) continue;
      const amount = 'amount' in value ? Number(value.amount) : event.properties[value.property];
      if (typeof amount !== 'number' || Math.abs(amount) >= 1e40) continue;
      money.set(value.currency, (money.get(value.currency) ?? 0n) + decimals(amount));
    }
  return {
    conversions: converted.length,
    conversionRate: among.length === 0 ? 0 : visitors(converted) / visitors(among),
    goalRevenue: [...money]
      .map(([currency, units]) => ({ currency, amount: moneyOf(units) }))
      .sort((a, b) => (a.currency < b.currency ? -1 : 1)),
  };
}

/** The figures of each group, those of goals included; see `grouped`. */
export function groupedWithGoals(
  all: SeenEvent[],
  range: TimeRange,
  goals: readonly KnownGoal[],
  filter: JsonFilter | undefined,
  ofEvent: (event: SeenEvent, at: number) => string | undefined,
): Map<string, Figures> {
  const inGroup = (name: string, by: JsonFilter | undefined): SeenEvent[] =>
    all.filter((event) => isIn(event.ts, range) && ofEvent(event, event.ts) === name && selects(by, event, all, range));
  return new Map(
    [...grouped(all, range, filter, ofEvent)].map(([name, figures]) => {
      const converted = inGroup(name, filter).filter((event) =>
        event.goals?.some((goal) => goals.some((one) => one.name === goal)),
      );
      return [name, { ...figures, ...figuresOfGoals(goals, converted, inGroup(name, regardless(filter))) }];
    }),
  );
}

/** The figures of each goal and group, by both names: those of the group with the further filter that the goal is reached. */
export function groupedByGoal(
  all: SeenEvent[],
  range: TimeRange,
  goals: readonly KnownGoal[],
  filter: JsonFilter | undefined,
  ofEvent: (event: SeenEvent, at: number) => string | undefined,
): Map<string, Figures> {
  return new Map(
    goals.flatMap((goal) => {
      const reached: JsonFilter = ['is', 'goal', [goal.name]];
      const further: JsonFilter = filter === undefined ? reached : ['and', filter, reached];
      return [...groupedWithGoals(all, range, [goal], further, ofEvent)].map(([group, figures]): [string, Figures] => [
        JSON.stringify([goal.name, group]),
        figures,
      ]);
    }),
  );
}
