// What can happen to a small project? Random worlds of events for properties: ties, late and repeated events, links, long sessions.
import * as fc from 'fast-check';
import type { TimeRange } from '../../src/common/time-range';
import type { JsonFilter, Link, RawEvent } from './reference/statistics';

/** A project's history and a question's range. */
export interface World {
  zone: string;
  range: TimeRange;
  /** Rows in the order in which they are inserted, in blocks; repeated events come as rows of their own. */
  blocks: RawEvent[][];
  links: Link[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Zones whose clock is hard, each with a local midnight beside a change of it. */
const PLACES = [
  { zone: 'America/New_York', midnight: Date.UTC(2026, 2, 8, 5) },
  { zone: 'America/New_York', midnight: Date.UTC(2026, 10, 1, 4) },
  { zone: 'Asia/Kolkata', midnight: Date.UTC(2026, 4, 9, 18, 30) },
  { zone: 'Asia/Kathmandu', midnight: Date.UTC(2026, 4, 31, 18, 15) },
  { zone: 'Australia/Lord_Howe', midnight: Date.UTC(2026, 3, 4, 13) },
  { zone: 'Australia/Lord_Howe', midnight: Date.UTC(2026, 9, 3, 13, 30) },
  // The clock went from the end of 29 December 2011 to the beginning of the 31st.
  { zone: 'Pacific/Apia', midnight: Date.UTC(2011, 11, 30, 10) },
] as const;

// Beyond 2^53, so that a number somewhere on the way would be noticed.
const VISITORS = ['f000000000000001', 'f000000000000002', 'f000000000000003'];
const USERS = ['e000000000000001', 'e000000000000002'];
const SESSIONS = ['d000000000000001', 'd000000000000002'];
/** The visitor of events that came with a user alone: it has the user's hash. */
const visitorOfUser = (user: string): string => user;

const PATHS = ['/', '/a', '/a/b', ''];
const NAMES = ['pageview', 'signup', 'Pageview'];
const COUNTRIES = ['DE', 'US', ''];
// Numbers whose binary sum is not their sum, whose order is not that of their texts, and of which little is left after 18 places.
const PLANS = ['pro', 'pr"o\\é', '', '12', 12, 12.5, -3, 0.1, 0.2, 1e21, 1.5e-17, true, null, ['x']];

/** Moments around midnight where mistakes show: on edges, on ties, a session's silence apart. */
const moment = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(-1, 0, 1, 30 * MINUTE, 30 * MINUTE + 1, 60 * MINUTE, 60 * MINUTE + 1, DAY - 1, DAY),
    fc.integer({ min: -12, max: 60 }).map((tens) => tens * 10 * MINUTE),
    fc.integer({ min: -2 * DAY, max: 3 * DAY }),
  );

type Draft = Omit<RawEvent, 'id' | 'receivedAt'> & { late: number };

const draft = (): fc.Arbitrary<Draft> =>
  fc
    .record({
      ts: moment(),
      late: fc.constantFrom(0, 0, 1, 5 * MINUTE, 2 * DAY),
      seq: fc.integer({ min: 0, max: 2 }),
      name: fc.constantFrom('pageview', ...NAMES),
      who: fc.constantFrom(
        ...VISITORS.map((visitor) => ({ visitor, user: '' })),
        { visitor: VISITORS[0] ?? '', user: USERS[0] ?? '' },
        { visitor: VISITORS[1] ?? '', user: USERS[0] ?? '' },
        { visitor: VISITORS[1] ?? '', user: USERS[1] ?? '' },
        { visitor: '', user: USERS[1] ?? '' },
      ),
      session: fc.constantFrom('', '', '', ...SESSIONS),
      path: fc.constantFrom(...PATHS),
      country: fc.constantFrom(...COUNTRIES),
      plan: fc.option(fc.constantFrom(...PLANS), { nil: undefined }),
      money: fc.option(
        fc.record({ revenue: fc.integer({ min: -500, max: 5_000 }), currency: fc.constantFrom('EUR', 'USD') }),
        { nil: undefined },
      ),
    })
    .map(({ who, plan, money, ...rest }) => ({
      ...rest,
      visitor: who.visitor || visitorOfUser(who.user),
      user: who.user,
      properties: plan === undefined ? {} : { plan },
      revenue: (money?.revenue ?? 0) * 100,
      currency: money?.currency ?? '',
    }));

/** A visitor who never rests: one session over more than a day. */
const chain = (): fc.Arbitrary<Draft[]> =>
  fc
    .record({
      first: draft(),
      start: fc.integer({ min: -3 * DAY, max: DAY }),
      count: fc.integer({ min: 45, max: 130 }),
      gap: fc.constantFrom(30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1),
    })
    .map(({ first, start, count, gap }) =>
      Array.from({ length: count }, (_, at) => ({
        ...first,
        // Its ends are pages of their own, so that a session that is seen in part has other ones.
        ...(at === 0 || at === count - 1 ? { name: 'pageview', path: at === 0 ? '/begin' : '/end' } : {}),
        session: '',
        ts: start + at * gap,
      })),
    );

/** A visitor whose session has an id: it rests for a day, a little less or more, and goes on for weeks or ends. */
const comeback = (): fc.Arbitrary<Draft[]> =>
  fc
    .record({
      first: draft(),
      session: fc.constantFrom(...SESSIONS),
      start: fc.oneof(
        moment(),
        fc.integer({ min: -12, max: 1 }).map((days) => days * DAY),
      ),
      gaps: fc.array(fc.constantFrom(1, HOUR, DAY - 1, DAY, DAY + 1, 2 * DAY), { minLength: 1, maxLength: 14 }),
    })
    .map(({ first, session, start, gaps }) =>
      [0, ...gaps].map((_, at) => ({
        ...first,
        session,
        ts: gaps.slice(0, at).reduce((ts, gap) => ts + gap, start),
        path: `/${at}`,
      })),
    );

/** A small world around the change of a clock. */
export const smallWorld = (): fc.Arbitrary<World> =>
  fc
    .record({
      place: fc.constantFrom(...PLACES),
      drafts: fc.array(draft(), { maxLength: 24 }),
      chain: fc.oneof(
        { withCrossShrink: true },
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: chain() },
        { weight: 1, arbitrary: comeback() },
      ),
      repeats: fc.array(fc.record({ of: fc.nat(), later: fc.integer({ min: 1, max: DAY }), seq: fc.nat({ max: 2 }) }), {
        maxLength: 6,
      }),
      shuffle: fc.nat(),
      blocks: fc.integer({ min: 1, max: 3 }),
      from: fc.oneof(fc.constantFrom(0, 0, -DAY), moment()),
      length: fc.oneof(fc.constantFrom(HOUR, DAY, 2 * DAY), fc.integer({ min: 1, max: 3 * DAY })),
    })
    .map(({ place, drafts, chain, repeats, shuffle, blocks, from, length }) => {
      const events = [...drafts, ...chain].map(({ late, ts, ...event }, at): RawEvent => ({
        ...event,
        // Ids in no order of time: the engine and the reference must sort them alike.
        id: `${((at * 7_919) % 65_536).toString(16).padStart(8, '0')}-0000-4000-8000-${((at * 104_729) % 65_536).toString(16).padStart(12, '0')}`,
        ts: place.midnight + ts,
        receivedAt: place.midnight + ts + late,
      }));
      const again = repeats.flatMap(({ of, later, seq }) => {
        const event = events[of % Math.max(events.length, 1)];
        return event === undefined ? [] : [{ ...event, seq, receivedAt: event.receivedAt + later }];
      });
      const rows = [...events, ...again]
        .map((row, at) => ({ row, key: Math.imul(at + 1, 2 * shuffle + 1) >>> 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ row }) => row);
      return {
        zone: place.zone,
        range: { from: place.midnight + from, to: place.midnight + from + length },
        blocks: Array.from({ length: blocks }, (_, block) => rows.filter((_, at) => at % blocks === block)),
        links: rows.flatMap(({ visitor, user, ts }) =>
          user === '' || visitor === visitorOfUser(user) ? [] : [{ visitor, user, at: ts }],
        ),
      };
    });

/** Dimensions that the worlds vary. */
export const worldDimension = (): fc.Arbitrary<string> =>
  fc.constantFrom('page', 'country', 'event', 'visitor', 'entryPage', 'exitPage', 'property:plan');

const test = (): fc.Arbitrary<JsonFilter> =>
  fc
    .oneof(
      fc.record({
        op: fc.constantFrom('is', 'isNot', 'contains', 'notContains', 'startsWith', 'endsWith'),
        dimension: worldDimension(),
        values: fc.array(
          fc.constantFrom(...PATHS, ...NAMES, ...COUNTRIES, ...USERS, 'pro', 'pr"o\\é', '12', '["x"]', 'null'),
          { minLength: 1, maxLength: 3 },
        ),
      }),
      fc.record({
        op: fc.constantFrom('matches', 'notMatches'),
        dimension: worldDimension(),
        values: fc.array(fc.constantFrom('^/a', 'b$', '.', '^$', '[DU]', 'pr."'), { minLength: 1, maxLength: 2 }),
      }),
      fc.record({
        op: fc.constantFrom('gt', 'gte', 'lt', 'lte'),
        dimension: fc.constant('property:plan'),
        values: fc.constantFrom('12', '-3', '0', '12.25').map((value) => [value]),
      }),
      fc.record({ op: fc.constantFrom('exists', 'notExists'), dimension: worldDimension(), values: fc.constant([]) }),
    )
    .map(({ op, dimension, values }): JsonFilter => [op, dimension, values]);

/** Any filter over what the worlds vary; undefined: none. */
export const worldFilter = (): fc.Arbitrary<JsonFilter | undefined> =>
  fc.option(
    fc.letrec<{ tree: JsonFilter; test: JsonFilter }>((tie) => ({
      test: test(),
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        { weight: 3, arbitrary: tie('test') },
        {
          weight: 2,
          arbitrary: fc
            .tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }))
            .map(([op, parts]): JsonFilter => [op, ...parts]),
        },
        { weight: 1, arbitrary: tie('tree').map((part): JsonFilter => ['not', part]) },
        { weight: 1, arbitrary: tie('tree').map((part): JsonFilter => ['did', part]) },
      ),
    })).tree,
    { nil: undefined },
  );

const time = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
const hash = (hex: string): string => (hex === '' ? '0' : BigInt(`0x${hex}`).toString());

/** Columns of `rowsOf`. */
export const EVENT_COLUMNS = [
  'project_id',
  'ts',
  'received_at',
  'seq',
  'event_id',
  'name',
  'visitor_id',
  'user_id',
  'session_id',
  'path',
  'country',
  'revenue',
  'currency',
  'properties',
] as const;

/** Events as rows of the table `events`: one JSONCompactEachRow line each. */
export const rowsOf = (project: number, events: readonly RawEvent[]): string =>
  events
    .map((event) =>
      JSON.stringify([
        project,
        time(event.ts),
        time(event.receivedAt),
        event.seq,
        event.id,
        event.name,
        hash(event.visitor),
        hash(event.user),
        hash(event.session),
        event.path,
        event.country,
        (event.revenue / 10_000).toFixed(4),
        event.currency,
        Object.fromEntries(Object.entries(event.properties).map(([key, value]) => [key, JSON.stringify(value)])),
      ]),
    )
    .join('\n');

/** Columns of `linkRowsOf`. */
export const LINK_COLUMNS = ['project_id', 'visitor_id', 'user_id', 'first_at'] as const;

/** Links as rows of the table `visitor_links`. */
export const linkRowsOf = (project: number, links: readonly Link[]): string =>
  links.map(({ visitor, user, at }) => JSON.stringify([project, hash(visitor), hash(user), time(at)])).join('\n');
