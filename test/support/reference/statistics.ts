// What are the right figures? The definitions of docs/statistics.md in plain TypeScript over a list of events: slow and obvious.
//
// - An event is its newest version: the same project, time, visitor and id is the same event.
// - Events are in the order of time, then of arrival, then of their place in the request, then of id.
// - The visitor of an event is its user; else the user to whom its visitor was first linked, at any time; else its visitor.
// - A session is the events of one visitor with one session id, cut where more than 24 hours lie between two; those without an
//   id are cut where more than 30 minutes do. It belongs to the moment of its first event.
// - A filter selects events. visitors, pageviews, events and revenue count the selected events in the range. sessions,
//   viewsPerSession, bounceRate and sessionDuration are of the sessions that began in the range and hold a selected event,
//   anywhere in them, over their whole length. A bounce is one pageview and nothing else. Of no sessions all are 0.
// - entries and exits are of those sessions too: those whose first, whose last pageview is selected.
// - uniqueEvents counts the selected events in the range, each name once a session. timeOnPage is the mean time from a selected
//   pageview in the range to the next event of its session; of none it is 0.
// - Figures of a property are of the selected events in the range that have it, and but for uniq of numbers alone. Sums are of
//   decimals, cut after 18 places. A percentile lies between the two closest ranks, in proportion. Of none, sum and uniq are 0
//   and the others null.
// - A row of a breakdown is the overview of the events with that value; a bucket is the overview of the events in it and of the
//   sessions that began in it. A row is there where an event or a session is counted in it.
import type { TimeRange } from '../../../src/common/time-range';

/** An event as it stands in the warehouse. Hashes are hexadecimal text, '' for none; money in ten-thousandths. */
export interface RawEvent {
  id: string;
  ts: number;
  receivedAt: number;
  seq: number;
  name: string;
  visitor: string;
  user: string;
  session: string;
  path: string;
  country: string;
  properties: Record<string, unknown>;
  revenue: number;
  currency: string;
}

/** An event of which a visitor was linked to a user. */
export interface Link {
  visitor: string;
  user: string;
  at: number;
}

interface Session {
  identity: string;
  events: SeenEvent[];
}

/** An event with what belongs to it. */
export interface SeenEvent extends RawEvent {
  identity: string;
  whole: Session;
  /** Names of the goals that it reaches; see `goals.ts`. */
  goals?: readonly string[];
}

/** A filter in the contract's form. */
export type JsonFilter = [string, ...unknown[]];

/** The figures of the overview. */
export interface Figures {
  visitors: number;
  sessions: number;
  pageviews: number;
  events: number;
  viewsPerSession: number;
  bounceRate: number;
  sessionDuration: number;
  revenue: { currency: string; amount: string }[];
  uniqueEvents: number;
  entries: number;
  exits: number;
  timeOnPage: number;
  /** Those of goals, of which a project may have none; see `goals.ts`. */
  conversions: number;
  conversionRate: number;
  goalRevenue: { currency: string; amount: string }[];
  /** Figures of a property, as `sum(property:plan)`. */
  [ofProperty: string]: unknown;
}

/** The property whose figures are known, and the figures. */
export const PROPERTY_FIGURES = ['sum', 'avg', 'min', 'max', 'p50', 'p75', 'p90', 'p99', 'uniq'].map(
  (of) => `${of}(property:plan)`,
);

const byOrder = (a: RawEvent, b: RawEvent): number =>
  a.ts - b.ts || a.receivedAt - b.receivedAt || a.seq - b.seq || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** All events of a world, each once, in order, with visitor and session. */
export function seeEvents(inserted: readonly RawEvent[], links: readonly Link[]): SeenEvent[] {
  const newest = new Map<string, RawEvent>();
  for (const event of inserted) {
    const key = `${event.ts} ${event.visitor} ${event.id}`;
    const known = newest.get(key);
    if (known === undefined || event.receivedAt > known.receivedAt) newest.set(key, event);
  }
  const firstLink = new Map<string, Link>();
  for (const link of links) {
    const known = firstLink.get(link.visitor);
    const earlier = known === undefined || link.at < known.at || (link.at === known.at && link.user < known.user);
    if (earlier) firstLink.set(link.visitor, link);
  }
  const open = new Map<string, Session>();
  return [...newest.values()].sort(byOrder).map((event) => {
    const identity = event.user || firstLink.get(event.visitor)?.user || event.visitor;
    const key = `${identity} ${event.session}`;
    const known = open.get(key);
    const silence = (event.session === '' ? 0.5 : 24) * 3_600_000;
    const silent = known !== undefined && event.ts - (known.events.at(-1)?.ts ?? 0) > silence;
    const whole = known === undefined || silent ? { identity, events: [] } : known;
    open.set(key, whole);
    const seen = { ...event, identity, whole };
    whole.events.push(seen);
    return seen;
  });
}

const began = (session: Session): number => session.events[0]?.ts ?? 0;
const ended = (session: Session): number => session.events.at(-1)?.ts ?? 0;
const views = (session: Session): SeenEvent[] => session.events.filter((event) => event.name === 'pageview');
export const isIn = (at: number, range: TimeRange): boolean => at >= range.from && at < range.to;

/** The value of a dimension; undefined where an event does not have it. */
export function valueOf(event: SeenEvent, dimension: string): string | undefined {
  switch (dimension) {
    case 'page':
      return event.path;
    case 'country':
      return event.country;
    case 'event':
      return event.name;
    case 'visitor':
      return event.identity;
    case 'entryPage':
      return views(event.whole)[0]?.path ?? '';
    case 'exitPage':
      return views(event.whole).at(-1)?.path ?? '';
  }
  const value = event.properties[dimension.slice('property:'.length)];
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
}

/** Whether a filter selects an event. */
export function selects(filter: JsonFilter | undefined, event: SeenEvent, all: SeenEvent[], range: TimeRange): boolean {
  if (filter === undefined) return true;
  const [op, ...rest] = filter;
  const part = (at: number): boolean => selects(rest[at] as JsonFilter, event, all, range);
  if (op === 'and') return rest.every((_, at) => part(at));
  if (op === 'or') return rest.some((_, at) => part(at));
  if (op === 'not') return !part(0);
  if (op === 'did')
    return all.some(
      (other) =>
        other.identity === event.identity && isIn(other.ts, range) && selects(rest[0] as JsonFilter, other, all, range),
    );
  const [dimension, values = []] = rest as [string, string[]?];
  if (dimension === 'goal') {
    const reached = event.goals ?? [];
    const any = op.endsWith('xists') ? reached.length > 0 : values.some((name) => reached.includes(name));
    return op === 'is' || op === 'exists' ? any : !any;
  }
  const value = valueOf(event, dimension);
  const any = (test: (value: string, wanted: string) => boolean): boolean =>
    value !== undefined && values.some((wanted) => test(value, wanted));
  const number = (test: (value: number, wanted: number) => boolean): boolean => {
    const raw = event.properties[dimension.slice('property:'.length)];
    return typeof raw === 'number' && test(raw, Number(values[0]));
  };
  const exists = dimension.startsWith('property:') ? value !== undefined : value !== '';
  switch (op) {
    case 'is':
      return any((a, b) => a === b);
    case 'isNot':
      return !any((a, b) => a === b);
    case 'contains':
      return any((a, b) => a.includes(b));
    case 'notContains':
      return !any((a, b) => a.includes(b));
    case 'startsWith':
      return any((a, b) => a.startsWith(b));
    case 'endsWith':
      return any((a, b) => a.endsWith(b));
    case 'matches':
      return any((a, b) => new RegExp(b, 'su').test(a));
    case 'notMatches':
      return !any((a, b) => new RegExp(b, 'su').test(a));
    case 'gt':
      return number((a, b) => a > b);
    case 'gte':
      return number((a, b) => a >= b);
    case 'lt':
      return number((a, b) => a < b);
    case 'lte':
      return number((a, b) => a <= b);
    case 'exists':
      return exists;
    case 'notExists':
      return !exists;
    default:
      throw new Error(`The reference does not know ${op}`);
  }
}

/** A number as JSON writes it, in units of 10^-18, what is smaller cut off. */
export function decimals(value: number): bigint {
  const [, sign = '', whole = '', part = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(JSON.stringify(value)) ?? [];
  const digits = `${whole}${part}`;
  const places = 18 + Number(exponent) - part.length;
  const text = places >= 0 ? digits.padEnd(digits.length + places, '0') : digits.slice(0, places);
  return BigInt(`${sign}${text === '' ? '0' : text}`);
}

/** The number closest to so many units of 10^-18. */
const fromDecimals = (units: bigint): number => {
  const digits = (units < 0n ? -units : units).toString().padStart(19, '0');
  return Number(`${units < 0n ? '-' : ''}${digits.slice(0, -18)}.${digits.slice(-18)}`);
};

/** The figures of a property of these events. */
function figuresOfProperty(events: readonly SeenEvent[], key: string): Record<string, number | null> {
  const given = events.filter((event) => event.properties[key] !== undefined);
  const numbers = given.map((event) => event.properties[key]).filter((value) => typeof value === 'number');
  const sorted = numbers.sort((a, b) => a - b);
  const sum = fromDecimals(numbers.reduce((total, value) => total + decimals(value), 0n));
  const percentile = (share: number): number | null => {
    // Ranks from 1 on, as the engine has them: the last digit depends on it.
    const rank = share * (sorted.length - 1) + 1;
    const low = sorted[Math.floor(rank) - 1];
    const high = sorted[Math.floor(rank)] ?? low;
    return low === undefined || high === undefined ? null : low + (rank - Math.floor(rank)) * (high - low);
  };
  const by: Record<string, number | null> = {
    sum,
    avg: numbers.length === 0 ? null : sum / numbers.length,
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
    p50: percentile(0.5),
    p75: percentile(0.75),
    p90: percentile(0.9),
    p99: percentile(0.99),
    uniq: new Set(given.map((event) => valueOf(event, `property:${key}`))).size,
  };
  return Object.fromEntries(Object.entries(by).map(([of, value]) => [`${of}(property:${key})`, value]));
}

/** The figures of these events, and of these sessions. */
function figures(
  events: readonly SeenEvent[],
  sessions: readonly Session[],
  selected: (event: SeenEvent) => boolean = () => false,
): Figures {
  const sum = (of: (session: Session) => number): number => sessions.reduce((total, one) => total + of(one), 0);
  const perSession = (total: number, unit = 1): number =>
    sessions.length === 0 ? 0 : total / (unit * sessions.length);
  const money = new Map<string, number>();
  const names = new Map<Session, Set<string>>();
  for (const { whole, name } of events) names.set(whole, (names.get(whole) ?? new Set()).add(name));
  const stays = events
    .filter((event) => event.name === 'pageview')
    .map((event) => (event.whole.events[event.whole.events.indexOf(event) + 1]?.ts ?? Number.NaN) - event.ts)
    .filter((stay) => !Number.isNaN(stay));
  const holding = (event: (session: Session) => SeenEvent | undefined): number =>
    sessions.map(event).filter((one) => one !== undefined && selected(one)).length;
  for (const { currency, revenue } of events)
    if (currency !== '') money.set(currency, (money.get(currency) ?? 0) + revenue);
  return {
    visitors: new Set(events.map((event) => event.identity)).size,
    sessions: sessions.length,
    pageviews: events.filter((event) => event.name === 'pageview').length,
    events: events.length,
    viewsPerSession: perSession(sum((session) => views(session).length)),
    bounceRate: perSession(sum((session) => Number(session.events.length === 1 && views(session).length === 1))),
    sessionDuration: perSession(
      sum((session) => ended(session) - began(session)),
      1_000,
    ),
    revenue: [...money]
      .map(([currency, amount]) => ({ currency, amount: (amount / 10_000).toFixed(2) }))
      .sort((a, b) => (a.currency < b.currency ? -1 : 1)),
    uniqueEvents: [...names.values()].reduce((total, { size }) => total + size, 0),
    entries: holding((session) => views(session)[0]),
    exits: holding((session) => views(session).at(-1)),
    timeOnPage: stays.length === 0 ? 0 : stays.reduce((total, stay) => total + stay, 0) / (1_000 * stays.length),
    conversions: 0,
    conversionRate: 0,
    goalRevenue: [],
    ...figuresOfProperty(events, 'plan'),
  };
}

/** The figures of each group. A group is what `ofEvent` says of a selected event, at its own time or at the beginning of its
 *  session; undefined: the event is in none. */
export function grouped(
  all: SeenEvent[],
  range: TimeRange,
  filter: JsonFilter | undefined,
  ofEvent: (event: SeenEvent, at: number) => string | undefined,
): Map<string, Figures> {
  const groups = new Map<string, { events: SeenEvent[]; sessions: Set<Session>; selected: Set<SeenEvent> }>();
  const group = (name: string) => {
    const known = groups.get(name) ?? { events: [], sessions: new Set(), selected: new Set() };
    groups.set(name, known);
    return known;
  };
  for (const event of all.filter((one) => selects(filter, one, all, range))) {
    const own = ofEvent(event, event.ts);
    if (own !== undefined && isIn(event.ts, range)) group(own).events.push(event);
    const ofSession = ofEvent(event, began(event.whole));
    if (ofSession === undefined || !isIn(began(event.whole), range)) continue;
    group(ofSession).sessions.add(event.whole);
    group(ofSession).selected.add(event);
  }
  return new Map(
    [...groups].map(([name, { events, sessions, selected }]) => [
      name,
      figures(events, [...sessions], (event) => selected.has(event)),
    ]),
  );
}

/** The figures of the range. */
export const overview = (all: SeenEvent[], range: TimeRange, filter?: JsonFilter): Figures =>
  grouped(all, range, filter, () => 'all').get('all') ?? figures([], []);

/** The figures of each value of a dimension. */
export const breakdown = (all: SeenEvent[], range: TimeRange, dimension: string, filter?: JsonFilter) =>
  grouped(all, range, filter, (event) => valueOf(event, dimension));

/** The figures of each bucket that counts something, by what the local clock shows. */
export const timeseries = (all: SeenEvent[], range: TimeRange, zone: string, interval: string, filter?: JsonFilter) =>
  grouped(all, range, filter, (_, at) => bucketName(at, zone, interval));

/** What the local clock and calendar call a moment's bucket: `2026-11-01`, `2026-11-01 01 GMT-05:00`; of a week its Monday. */
export function bucketName(at: number, zone: string, interval: string): string {
  const shown = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  }).format(at);
  const offset = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    .format(at)
    .split(' ')
    .at(-1);
  switch (interval) {
    case 'minute':
      return `${shown} ${offset}`;
    case 'hour':
      return `${shown.slice(0, 13)} ${offset}`;
    case 'month':
      return shown.slice(0, 7);
    case 'week': {
      const day = new Date(`${shown.slice(0, 10)}T00:00:00Z`);
      return new Date(day.getTime() - ((day.getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
    }
    default:
      return shown.slice(0, 10);
  }
}
