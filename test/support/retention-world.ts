// Who can come back to a small project? Random histories over days, weeks and months, and a warehouse to ask about them.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { RollupSnapshots } from '../../src/aggregation';
import { readEnv, StoreUrls } from '../../src/config/env';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { RetentionRepository } from '../../src/stats/retention/retention.repository';
import { Volumes } from '../../src/stats/volumes';
import type { Link, RawEvent } from './reference/statistics';
import { aClickHouseDatabase } from './shared-stores';
import { EVENT_COLUMNS, LINK_COLUMNS, linkRowsOf, rowsOf, type World } from './world';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Zones whose clock is hard, each with a local midnight beside a change of it. */
const PLACES = [
  { zone: 'America/New_York', midnight: Date.UTC(2026, 2, 8, 5) },
  { zone: 'America/New_York', midnight: Date.UTC(2026, 10, 1, 4) },
  { zone: 'Asia/Kathmandu', midnight: Date.UTC(2026, 4, 31, 18, 15) },
  // The clock goes from midnight to one.
  { zone: 'Africa/Cairo', midnight: Date.UTC(2026, 3, 23, 22) },
  { zone: 'Australia/Lord_Howe', midnight: Date.UTC(2026, 9, 3, 13, 30) },
  // The clock went from the end of 29 December 2011 to the beginning of the 31st.
  { zone: 'Pacific/Apia', midnight: Date.UTC(2011, 11, 30, 10) },
] as const;

const VISITORS = ['f000000000000001', 'f000000000000002', 'f000000000000003', 'f000000000000004'];
const USERS = ['e000000000000001', 'e000000000000002'];

/** Moments on the edges of days, an hour beside them as clocks change, and anywhere; `days` says how far apart. */
export const momentIn = (days: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc
      .record({ day: fc.integer({ min: -days, max: days }), off: fc.constantFrom(-HOUR, -1, 0, 0, 1, HOUR, 12 * HOUR) })
      .map(({ day, off }) => day * DAY + off),
    fc.integer({ min: -days * DAY, max: days * DAY }),
  );

/** A history with ties, repeats, links and late events, and a range in it. @param days how far it goes around a change of the clock */
export const historyWorld = (days: number): fc.Arbitrary<World & { midnight: number }> =>
  fc
    .record({
      place: fc.constantFrom(...PLACES),
      drafts: fc.array(
        fc.record({
          ts: momentIn(days),
          late: fc.constantFrom(0, 0, 1, 2 * DAY),
          seq: fc.integer({ min: 0, max: 2 }),
          name: fc.constantFrom('pageview', 'pageview', 'signup', 'buy'),
          who: fc.constantFrom(
            ...VISITORS.map((visitor) => ({ visitor, user: '' })),
            { visitor: VISITORS[0] ?? '', user: USERS[0] ?? '' },
            { visitor: VISITORS[1] ?? '', user: USERS[0] ?? '' },
            { visitor: VISITORS[1] ?? '', user: USERS[1] ?? '' },
            { visitor: USERS[1] ?? '', user: USERS[1] ?? '' },
          ),
          path: fc.constantFrom('/', '/a', '/a/b', ''),
          country: fc.constantFrom('DE', 'US', ''),
          plan: fc.constantFrom(undefined, 'pro', '', 12, 'pr"o\\é'),
        }),
        { maxLength: 30 },
      ),
      repeats: fc.array(fc.record({ of: fc.nat(), name: fc.constantFrom(undefined, 'signup', 'pageview') }), {
        maxLength: 5,
      }),
      from: momentIn(days),
      length: fc.oneof(
        fc.integer({ min: 1, max: 4 }).map((count) => count * DAY),
        fc.integer({ min: 1, max: days * DAY }),
      ),
      blocks: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ place, drafts, repeats, from, length, blocks }) => {
      const { zone, midnight } = place;
      const events = drafts.map(({ who, plan, late, ts, ...rest }, at): RawEvent => ({
        ...rest,
        ...who,
        // Ids in no order of time.
        id: `${((at * 7_919) % 65_536).toString(16).padStart(8, '0')}-0000-4000-8000-000000000001`,
        ts: midnight + ts,
        receivedAt: midnight + ts + late,
        session: '',
        properties: plan === undefined ? {} : { plan },
        revenue: 0,
        currency: '',
      }));
      const again = repeats.flatMap(({ of, name }, at) => {
        const event = events[of % Math.max(events.length, 1)];
        // No two arrive at once: which of equals stays is nobody's promise.
        const receivedAt = (event?.receivedAt ?? 0) + 5 + at;
        return event === undefined ? [] : [{ ...event, name: name ?? event.name, receivedAt }];
      });
      const rows = [...again, ...events];
      return {
        zone,
        midnight,
        range: { from: midnight + from, to: midnight + from + length },
        blocks: Array.from({ length: blocks }, (_, block) => rows.filter((_, at) => at % blocks === block)),
        links: rows.flatMap(({ visitor, user, ts }): Link[] =>
          user === '' || visitor === user ? [] : [{ visitor, user, at: ts }],
        ),
      };
    });

/** A warehouse of its own, and what answers over it. */
export interface RetentionHarness {
  readonly clickhouse: ClickHouse;
  readonly retentions: RetentionRepository;
  /** A project of its own with these events. @returns its number */
  settle(blocks: readonly (readonly RawEvent[])[], links: readonly Link[]): Promise<number>;
}

/** @param events how many a range holds, as far as anybody is told */
export async function aRetentionHarness(events = 0): Promise<RetentionHarness> {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  const clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  const snapshots = {
    of: async (_project: number, _zone: string, range: { from: number; to: number }) => ({
      cells: events === 0 ? [] : [{ ...range, version: 1, events, detailed: false, skipped: [] }],
    }),
  } as unknown as RollupSnapshots;
  let last = 0;
  const insert = (table: string, columns: readonly string[], body: string): Promise<void> =>
    body === '' ? Promise.resolve() : clickhouse.insert({ table, columns, body, token: randomUUID() });
  return {
    clickhouse,
    retentions: new RetentionRepository(clickhouse, new Volumes(snapshots)),
    settle: async (blocks, links) => {
      last += 1;
      await insert('visitor_links', LINK_COLUMNS, linkRowsOf(last, links));
      for (const block of blocks) await insert('events', EVENT_COLUMNS, rowsOf(last, block));
      return last;
    },
  };
}
