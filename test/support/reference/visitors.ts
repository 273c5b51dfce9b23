// What do the directory and the list of sessions say? The definitions of docs/visitors.md in plain TypeScript: slow and obvious.
import type { TimeRange } from '../../../src/common/time-range';
import { type JsonFilter, seeEvents, selects } from './statistics';

type Seen = ReturnType<typeof seeEvents>[number];
type Whole = Seen['whole'];

/** A visitor of the directory; times in milliseconds. */
export interface DirectoryEntry {
  id: string;
  firstMs: number;
  lastMs: number;
  events: number;
  pageviews: number;
  sessions: number;
  revenue: { currency: string; amount: string }[];
  /** Of the last selected event in the range. */
  country: string;
  isUser: boolean;
}

/** A session, whole. */
export interface SessionEntry {
  visitor: string;
  session: string;
  beganMs: number;
  endedMs: number;
  events: number;
  pageviews: number;
  entry: string;
  exit: string;
  revenue: { currency: string; amount: string }[];
  /** Of its first event. */
  country: string;
}

const isIn = (at: number, { from, to }: TimeRange): boolean => at >= from && at < to;
const began = ({ events }: Whole): number => events[0]?.ts ?? 0;

const money = (events: readonly Seen[]): { currency: string; amount: string }[] => {
  const sums = new Map<string, number>();
  for (const { currency, revenue } of events)
    if (currency !== '') sums.set(currency, (sums.get(currency) ?? 0) + revenue);
  return [...sums]
    .map(([currency, amount]) => ({ currency, amount: (amount / 10_000).toFixed(2) }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
};

/** Everybody with a selected event in the range, in no order. */
export function directory(all: Seen[], range: TimeRange, filter?: JsonFilter): DirectoryEntry[] {
  const selected = all.filter((event) => selects(filter, event, all, range));
  const people = new Map<string, Seen[]>();
  for (const event of selected.filter(({ ts }) => isIn(ts, range)))
    people.set(event.identity, [...(people.get(event.identity) ?? []), event]);
  return [...people].map(([id, events]) => {
    const sessions = selected.filter(({ identity, whole }) => identity === id && isIn(began(whole), range));
    return {
      id,
      firstMs: events[0]?.ts ?? 0,
      lastMs: events.at(-1)?.ts ?? 0,
      events: events.length,
      pageviews: events.filter(({ name }) => name === 'pageview').length,
      sessions: new Set(sessions.map(({ whole }) => whole)).size,
      revenue: money(events),
      country: events.at(-1)?.country ?? '',
      isUser: [...events, ...sessions].some(({ user, visitor }) => user === id || visitor !== id),
    };
  });
}

/** Every session that began in the range and holds a selected event, newest first. */
export function sessions(all: Seen[], range: TimeRange, filter?: JsonFilter): SessionEntry[] {
  const holding = all
    .filter(({ whole }) => isIn(began(whole), range))
    .filter((event) => selects(filter, event, all, range));
  const listed = [...new Set(holding.map(({ whole }) => whole))].map(({ identity, events }): SessionEntry => {
    const views = events.filter(({ name }) => name === 'pageview');
    return {
      visitor: identity,
      session: events[0]?.session || '0'.repeat(16),
      beganMs: events[0]?.ts ?? 0,
      endedMs: events.at(-1)?.ts ?? 0,
      events: events.length,
      pageviews: views.length,
      entry: views[0]?.path ?? '',
      exit: views.at(-1)?.path ?? '',
      revenue: money(events),
      country: events[0]?.country ?? '',
    };
  });
  const key = ({ visitor, session }: SessionEntry): string => visitor + session;
  return listed.sort((a, b) => b.beganMs - a.beganMs || (key(a) < key(b) ? 1 : -1));
}
