// How far does each unit get in a funnel? The definition in plain TypeScript over a list of events: every start is tried, slow and obvious.
//
// - A unit is a visitor after links, or a session that holds an event of the range, whole. Its events are in the order of
//   `seeEvents`: time, arrival, place in the request.
// - An attempt starts at each event of the range that is step 1 (`any`: that is any step). An event more than the window after the
//   start is too late; just the window after it is in time.
// - From step k an attempt goes on to the first later event that is a step within reach: k + 1, and those behind it as long as the
//   ones between are optional; the furthest, where the event is several. `strict`: that event must be the very next of the unit.
// - `any`: the events from the start on are given to steps, each to one and each step once, as many as can be. The k-th row is
//   reached with the event by which k steps can be done.
// - An exclusion holds while `fromStep` <= k < `toStep`: such an event, unless it is itself what the attempt goes on to, ends it.
// - Where properties are held constant, the event of a step has them all, with the values that the first event has.
// - The filter selects the events that can be steps or exclusions; in `strict` the others lie between all the same.
// - A unit counts once: by its deepest attempt, of equals by the one that starts first.
// - A step counts the attempts that hold it. Times are from the event of the attempt before it, and from its first. Percentiles lie
//   between the two closest ranks, in proportion. Revenue is that of the events that are the last step.
// - A row of a breakdown holds the units by the value of one event of their attempt: the first, the last, or that of a given step.
//   Rows of most units come first, level ones by value; what is beyond the limit is `other`. Units without such an event, or of
//   which it has no such property, are the row null, the last and beside the limit.
// - The trend counts attempts in the bucket in which they start.
import type { Interval } from '../../../src/common/buckets';
import type { TimeRange } from '../../../src/common/time-range';
import { HISTOGRAM_EDGES } from '../../../src/funnels/answer/histogram';
import type {
  FunnelBreakdown,
  FunnelFigures,
  FunnelMode,
  FunnelRow,
  FunnelUnit,
  StepTimes,
} from '../../../src/funnels/funnel.types';
import { bucketName, type JsonFilter, type seeEvents, selects, valueOf } from './statistics';

/** An event with its visitor and session. */
type Event = ReturnType<typeof seeEvents>[number];

/** A question as the contract writes it: filters are JSON, a step is the filter that selects its events. */
export interface PlainQuestion {
  range: TimeRange;
  timezone: string;
  mode: FunnelMode;
  windowMs: number;
  countBy: FunnelUnit;
  steps: { target: JsonFilter; optional: boolean }[];
  exclusions: { target: JsonFilter; fromStep: number; toStep: number }[];
  holdConstant: string[];
  filter?: JsonFilter;
  breakdown?: FunnelBreakdown;
  interval?: Interval;
}

/** One unit's attempt: its events, each with the step that it is (`any`: with how many steps are done). */
export type Walk = { step: number; event: Event }[];

/** A funnel's answer. The trend names its buckets by the local clock; see `bucketName`. */
export interface PlainAnswer {
  total: FunnelFigures;
  rows?: FunnelRow[];
  other?: FunnelFigures;
  trend?: Map<string, number[]>;
}

/** Things by what they are called, in the order in which the names come up. */
function groupBy<T, K>(things: T[], nameOf: (thing: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const thing of things) {
    const known = groups.get(nameOf(thing));
    if (known === undefined) groups.set(nameOf(thing), [thing]);
    else known.push(thing);
  }
  return groups;
}

const depth = (walk: Walk): number => walk.at(-1)?.step ?? 0;

/** What an event is to a question, in an attempt that begins with `first`. */
class Matcher {
  constructor(
    private readonly all: Event[],
    private readonly question: PlainQuestion,
  ) {}

  is(target: JsonFilter, event: Event): boolean {
    const { filter, range } = this.question;
    return selects(filter, event, this.all, range) && selects(target, event, this.all, range);
  }

  /** Steps that an event can be, 1 is the first. */
  steps(event: Event, first: Event): number[] {
    const { steps, holdConstant } = this.question;
    const holds = holdConstant.every(
      (name) => valueOf(event, name) !== undefined && valueOf(event, name) === valueOf(first, name),
    );
    return holds ? steps.flatMap(({ target }, at) => (this.is(target, event) ? [at + 1] : [])) : [];
  }

  /** Whether an event ends an attempt that stands at step k. */
  excludes(event: Event, k: number): boolean {
    return this.question.exclusions.some(
      ({ target, fromStep, toStep }) => fromStep <= k && k < toStep && this.is(target, event),
    );
  }
}

/** The steps that may come after step k. */
function within(question: PlainQuestion, k: number): number[] {
  const next = question.steps.findIndex(({ optional }, at) => at >= k && !optional);
  const furthest = next === -1 ? question.steps.length : next + 1;
  return Array.from({ length: furthest - k }, (_, at) => k + 1 + at);
}

/** The attempt that begins with the first of these events, in modes `ordered` and `strict`. */
function inOrder([first, ...later]: Event[], question: PlainQuestion, matcher: Matcher): Walk {
  if (first === undefined || !matcher.steps(first, first).includes(1)) return [];
  const walk: Walk = [{ step: 1, event: first }];
  for (const event of later) {
    if (event.ts - first.ts > question.windowMs) break;
    const able = matcher.steps(event, first);
    const step = within(question, depth(walk)).findLast((one) => able.includes(one));
    if (step !== undefined) walk.push({ step, event });
    else if (question.mode === 'strict' || matcher.excludes(event, depth(walk))) break;
  }
  return walk;
}

/** The attempt that begins with the first of these events, in mode `any`. */
function inAnyOrder(events: Event[], question: PlainQuestion, matcher: Matcher): Walk {
  const [first] = events;
  const walk: Walk = [];
  // Every set of steps that the events up to here can do, as text: '1,3'.
  let sets = new Set(['']);
  for (const event of events) {
    if (first === undefined || event.ts - first.ts > question.windowMs) break;
    const able = matcher.steps(event, first);
    const done = [...sets].map((set) => (set === '' ? [] : set.split(',').map(Number)));
    const more = done.flatMap((set) => able.filter((step) => !set.includes(step)).map((step) => [...set, step]));
    sets = new Set([...sets, ...more.map((set) => set.sort((a, b) => a - b).join())]);
    if (more.some((set) => set.length > walk.length)) walk.push({ step: walk.length + 1, event });
    else if (walk.length === 0 || matcher.excludes(event, walk.length)) break;
  }
  return walk;
}

/** The attempt of each unit that made one.
 *  @param all events of the project, of `seeEvents` */
export function attempts(all: Event[], question: PlainQuestion): Walk[] {
  const matcher = new Matcher(all, question);
  const units = groupBy(all, (event) => (question.countBy === 'session' ? event.whole : event.identity));
  return [...units.values()].flatMap((unit) => {
    const walks = unit.flatMap(({ ts }, at) =>
      ts < question.range.from || ts >= question.range.to
        ? []
        : [(question.mode === 'any' ? inAnyOrder : inOrder)(unit.slice(at), question, matcher)],
    );
    const deepest = Math.max(0, ...walks.map(depth));
    const best = walks.find((walk) => depth(walk) === deepest);
    return best === undefined || deepest === 0 ? [] : [best];
  });
}

/** Percentiles and histogram of times in milliseconds; undefined of none. */
function timesOf(times: number[]): StepTimes | undefined {
  const sorted = times.toSorted((a, b) => a - b);
  const percentile = (share: number): number => {
    const rank = share * (sorted.length - 1);
    const low = sorted[Math.floor(rank)] ?? 0;
    const high = sorted[Math.ceil(rank)] ?? 0;
    return (low + (rank - Math.floor(rank)) * (high - low)) / 1_000;
  };
  const histogram = HISTOGRAM_EDGES.slice(1).map((to, at) => {
    const from = HISTOGRAM_EDGES[at] ?? 0;
    return { from, to, count: times.filter((time) => time >= from * 1_000 && time < to * 1_000).length };
  });
  if (times.length === 0) return undefined;
  return {
    median: percentile(0.5),
    p75: percentile(0.75),
    p90: percentile(0.9),
    histogram: histogram.filter(({ count }) => count > 0),
  };
}

/** The figures of some units' attempts. */
export function figuresOf(walks: Walk[], question: PlainQuestion): FunnelFigures {
  const steps = question.steps.map((_, at) => {
    const places = walks.map((walk) => ({ walk, place: walk.findIndex(({ step }) => step === at + 1) }));
    const held = places.filter(({ place }) => place >= 0);
    const since = (earlier: (place: number) => number): number[] =>
      held.map(({ walk, place }) => (walk[place]?.event.ts ?? 0) - (walk[earlier(place)]?.event.ts ?? 0));
    return {
      count: held.length,
      fromPrevious: at === 0 ? undefined : timesOf(since((place) => place - 1)),
      fromFirst: at === 0 ? undefined : timesOf(since(() => 0)),
    };
  });
  const money = new Map<string, number>();
  for (const walk of walks) {
    const last = walk.find(({ step }) => step === question.steps.length)?.event;
    if (last !== undefined && last.currency !== '')
      money.set(last.currency, (money.get(last.currency) ?? 0) + last.revenue);
  }
  const revenue = [...money]
    .map(([currency, amount]) => ({ currency, amount: (amount / 10_000).toFixed(2) }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
  return { steps, revenue };
}

/** The value by which a unit is in a row of the breakdown. */
export function rowOf(walk: Walk, { dimension, attribution, step }: FunnelBreakdown): string | null {
  const event =
    attribution === 'last'
      ? walk.at(-1)?.event
      : walk.find((one) => one.step === (attribution === 'first' ? 1 : step))?.event;
  return (event && valueOf(event, dimension)) ?? null;
}

/** The answer to a question.
 *  @param all events of the project, of `seeEvents` */
export function referenceFunnel(all: Event[], question: PlainQuestion): PlainAnswer {
  const walks = attempts(all, question);
  const answer: PlainAnswer = { total: figuresOf(walks, question) };
  const { breakdown, interval, timezone } = question;
  if (breakdown !== undefined) {
    const groups = groupBy(walks, (walk) => rowOf(walk, breakdown));
    const byUnits = [...groups]
      .filter(([value]) => value !== null)
      .sort(([a, ofA], [b, ofB]) => ofB.length - ofA.length || ((a ?? '') < (b ?? '') ? -1 : 1));
    const without = [...groups].filter(([value]) => value === null);
    const beyond = byUnits.slice(breakdown.limit).flatMap(([, walks]) => walks);
    answer.rows = [...byUnits.slice(0, breakdown.limit), ...without].map(([value, walks]) => ({
      value,
      ...figuresOf(walks, question),
    }));
    if (beyond.length > 0) answer.other = figuresOf(beyond, question);
  }
  if (interval !== undefined)
    answer.trend = new Map(
      [...groupBy(walks, (walk) => bucketName(walk[0]?.event.ts ?? 0, timezone, interval))].map(([bucket, walks]) => [
        bucket,
        figuresOf(walks, question).steps.map(({ count }) => count),
      ]),
    );
  return answer;
}
