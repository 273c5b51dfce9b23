// Are the directory and the sessions right? Against the plain-TypeScript reference, over random worlds, on the real engine.
// VISITORS_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { DAY_MS } from '../../src/common/time-range';
import { readEnv, StoreUrls } from '../../src/config/env';
import { type EventScope, parseFilter } from '../../src/events/query';
import { ClickHouse, type ReadOptions } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { render, type Sql } from '../../src/platform/clickhouse/sql';
import { toMoney } from '../../src/visitors/columns';
import type { DirectoryOrder, DirectoryPlace, DirectoryRow } from '../../src/visitors/directory/directory.queries';
import { DirectoryRepository } from '../../src/visitors/directory/directory.repository';
import { PeopleRepository } from '../../src/visitors/people.repository';
import { ProfileRepository } from '../../src/visitors/profile/profile.repository';
import type { SessionRow } from '../../src/visitors/sessions/sessions.queries';
import { SessionsRepository } from '../../src/visitors/sessions/sessions.repository';
import { aClickHouseDatabase } from '../support';
import { type JsonFilter, type RawEvent, seeEvents } from '../support/reference/statistics';
import { directory, type DirectoryEntry, type SessionEntry, sessions } from '../support/reference/visitors';
import { EVENT_COLUMNS, LINK_COLUMNS, linkRowsOf, rowsOf, smallWorld, worldFilter, type World } from '../support/world';

const numRuns = Number(process.env.VISITORS_RUNS ?? 6);
jest.setTimeout(180_000 + numRuns * 5_000);

let clickhouse: Sized;
let visitors: DirectoryRepository;
let visits: SessionsRepository;
let profiles: ProfileRepository;
let lastProject = 0;
let looksLarge = false;

/** A warehouse whose projects can be taken for large ones. */
class Sized extends ClickHouse {
  override rows<T>(query: Sql, options?: ReadOptions): Promise<T[]> {
    const asksSize = render(query).query.includes('AS few');
    return asksSize && looksLarge ? Promise.resolve([{ few: 0 } as T]) : super.rows<T>(query, options);
  }
}

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new Sized(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  const people = new PeopleRepository();
  visitors = new DirectoryRepository(clickhouse, people);
  visits = new SessionsRepository(clickhouse, people);
  profiles = new ProfileRepository(clickhouse, people);
});
afterAll(() => clickhouse.onApplicationShutdown());

const insert = (table: string, columns: readonly string[], body: string): Promise<void> =>
  body === '' ? Promise.resolve() : clickhouse.insert({ table, columns, body, token: randomUUID() });

/** A project of its own with a world's events. @returns its number */
async function settle(world: World): Promise<number> {
  lastProject += 1;
  await insert('visitor_links', LINK_COLUMNS, linkRowsOf(lastProject, world.links));
  for (const block of world.blocks) await insert('events', EVENT_COLUMNS, rowsOf(lastProject, block));
  return lastProject;
}

const order = (): fc.Arbitrary<DirectoryOrder> =>
  fc
    .record({
      by: fc.constantFrom('lastSeen', 'firstSeen', 'events', 'pageviews', 'revenue'),
      descending: fc.boolean(),
    })
    .map((one) => (one.by === 'revenue' ? { ...one, currency: 'EUR' } : one) as DirectoryOrder);

const shown = (row: DirectoryRow): DirectoryEntry => ({
  id: row.id,
  firstMs: row.firstMs,
  lastMs: row.lastMs,
  events: row.total,
  pageviews: row.views,
  sessions: row.visits,
  revenue: toMoney(row.money),
  country: row.last[0] ?? '',
  isUser: row.isUser === 1,
});

const shownSession = (row: SessionRow): SessionEntry => ({
  visitor: row.visitor,
  session: row.session,
  beganMs: row.beganMs,
  endedMs: row.endedMs,
  events: row.total,
  pageviews: row.views,
  entry: row.entry,
  exit: row.exit,
  revenue: toMoney(row.money),
  country: row.around[0] ?? '',
});

/** The value by which the reference sorts. */
const valueOf = (entry: DirectoryEntry, { by }: DirectoryOrder): number =>
  ({
    lastSeen: entry.lastMs,
    firstSeen: entry.firstMs,
    events: entry.events,
    pageviews: entry.pageviews,
    revenue: Number(entry.revenue.find(({ currency }) => currency === 'EUR')?.amount ?? 0),
  })[by];

/** Walks the directory, by pages of two where nothing else is said. */
async function walk(
  scope: EventScope,
  by: DirectoryOrder,
  filter: JsonFilter | undefined,
  now: number,
  between: () => Promise<unknown> = () => Promise.resolve(),
  limit = 2,
): Promise<DirectoryEntry[]> {
  const walked: DirectoryEntry[] = [];
  let after: DirectoryPlace | undefined;
  do {
    const { rows, next } = await visitors.page({
      scope,
      order: by,
      limit,
      now,
      ...(filter === undefined ? {} : { filter: parseFilter(filter) }),
      ...(after === undefined ? {} : { after }),
    });
    walked.push(...rows.map(shown));
    after = next;
    if (after !== undefined) await between();
  } while (after !== undefined);
  return walked;
}

// What reads a small project at once reads a large one in windows: both ways have to be right.
describe.each([{ size: 'few' }, { size: 'many' }])('in a project of $size events', ({ size }) => {
  beforeAll(() => {
    looksLarge = size === 'many';
  });

  it('lists everybody once, in order, with the figures of the reference', () =>
    fc.assert(
      fc.asyncProperty(smallWorld(), worldFilter(), order(), async (world, filter, by) => {
        const project = await settle(world);
        const all = seeEvents(world.blocks.flat(), world.links);
        const sign = by.descending ? -1 : 1;
        const right = directory(all, world.range, filter).sort(
          (a, b) => sign * (valueOf(a, by) - valueOf(b, by) || (a.id < b.id ? -1 : 1)),
        );
        // A moment of asking somewhere in the world, as a range may lie ahead of the clock.
        const now = world.range.from + (world.range.to - world.range.from) / 2;
        expect(await walk({ project, range: world.range }, by, filter, now)).toEqual(right);
      }),
      { numRuns },
    ));

  it('lists whoever was seen first last, though of most of the range only who was there is read', async () => {
    const end = Date.UTC(2026, 4, 20, 12);
    const range = { from: end - 10 * DAY_MS, to: end };
    const someone = (visitor: number, minutes: number, user = ''): RawEvent => ({
      id: randomUUID(),
      ts: end - minutes * 60_000,
      receivedAt: end - minutes * 60_000,
      seq: 0,
      name: 'pageview',
      visitor: `f00000000000000${visitor}`,
      user,
      session: '',
      path: '/',
      country: 'DE',
      properties: {},
      revenue: 0,
      currency: '',
    });
    const user = 'a000000000000001';
    const events = [
      ...[1, 2, 3, 4].map((visitor) => someone(visitor, visitor)),
      // There before: days ago, hours ago, and as another visitor of the same user.
      someone(5, 3),
      someone(5, 7_000),
      someone(6, 4),
      someone(6, 300),
      someone(7, 5, user),
      someone(8, 8_000),
      someone(8, 9_000, user),
      someone(9, 60 * 24 * 11),
      someone(9, 6),
    ];
    const links = [7, 8].map((visitor) => ({ visitor: `f00000000000000${visitor}`, user, at: end - 9_000 * 60_000 }));
    const world = { blocks: [events], links, range, zone: 'UTC' };
    const project = await settle(world);
    const right = directory(seeEvents(events, links), range).sort((a, b) => b.firstMs - a.firstMs);
    expect(right.map(({ id }) => id.at(-1))).toEqual(['1', '2', '3', '4', '9', '6', '5', '1']);
    for (const limit of [1, 3, 5])
      expect(
        await walk({ project, range }, { by: 'firstSeen', descending: true }, undefined, end, undefined, limit),
      ).toEqual(right);
  });

  it('leaves out what is older than events are kept, as if it were gone', () =>
    fc.assert(
      fc.asyncProperty(smallWorld(), worldFilter(), fc.integer({ min: -26, max: 50 }), async (world, filter, hours) => {
        const project = await settle(world);
        const since = world.range.from + hours * 3_600_000;
        const all = seeEvents(
          world.blocks.flat().filter(({ ts }) => ts >= since),
          world.links,
        );
        const by = { by: 'firstSeen', descending: false } as const;
        const range = { from: Math.max(world.range.from, since), to: world.range.to };
        const right = range.from >= range.to ? [] : directory(all, range, filter);
        const found = await walk({ project, range: world.range, since }, by, filter, world.range.to);
        expect(found).toEqual(right.sort((a, b) => a.firstMs - b.firstMs || (a.id < b.id ? -1 : 1)));
      }),
      { numRuns },
    ));

  it('finds the visitors that a search means, whoever they belong to now', () =>
    fc.assert(
      fc.asyncProperty(smallWorld(), worldFilter(), fc.nat(), async (world, filter, which) => {
        const project = await settle(world);
        const all = seeEvents(world.blocks.flat(), world.links);
        const listed = directory(all, world.range, filter);
        const ids = [...new Set(all.map(({ visitor }) => visitor))];
        const id = ids[which % Math.max(1, ids.length)] ?? 'a000000000000001';
        // The owner of a visitor's events without a user; of a user's own hash it is the user.
        const first = world.links
          .filter(({ visitor }) => visitor === id)
          .sort((a, b) => a.at - b.at || (a.user < b.user ? -1 : 1))[0];
        const { rows } = await visitors.page({
          scope: { project, range: world.range },
          order: { by: 'lastSeen', descending: true },
          limit: 10,
          now: world.range.to,
          search: [id, 'a000000000000002'],
          ...(filter === undefined ? {} : { filter: parseFilter(filter) }),
        });
        expect(rows.map(shown)).toEqual(listed.filter((entry) => entry.id === (first?.user ?? id)));
      }),
      { numRuns },
    ));

  it('lists every session once, newest first, whole', () =>
    fc.assert(
      fc.asyncProperty(smallWorld(), worldFilter(), async (world, filter) => {
        const project = await settle(world);
        const all = seeEvents(world.blocks.flat(), world.links);
        const walked: SessionEntry[] = [];
        let last: SessionRow | undefined;
        do {
          const rows = await visits.page({
            scope: { project, range: world.range },
            limit: 3,
            now: world.range.from + DAY_MS,
            ...(filter === undefined ? {} : { filter: parseFilter(filter) }),
            ...(last === undefined ? {} : { after: last }),
          });
          walked.push(...rows.map(shownSession));
          last = rows.at(-1);
        } while (last !== undefined);
        expect(walked).toEqual(sessions(all, world.range, filter));
      }),
      { numRuns },
    ));

  it('says of each person what all of their events and sessions say', () =>
    fc.assert(
      fc.asyncProperty(smallWorld(), async (world) => {
        const project = await settle(world);
        const all = seeEvents(world.blocks.flat(), world.links);
        const everything = { from: 0, to: Date.UTC(2100, 0) };
        for (const right of directory(all, everything)) {
          const person = await profiles.person(project, right.id);
          const found = await profiles.find(project, person);
          expect(found?.person.id).toBe(right.id);
          expect({ ...found?.figures, first: [], last: [], money: toMoney(found?.figures.money ?? {}) }).toEqual({
            total: right.events,
            views: right.pageviews,
            visits: right.sessions,
            firstMs: right.firstMs,
            lastMs: right.lastMs,
            money: right.revenue,
            isUser: right.isUser ? 1 : 0,
            first: [],
            last: [],
          });
          const own = sessions(all, everything).filter(({ visitor }) => visitor === right.id);
          const mine = all.filter(({ identity }) => identity === right.id);
          expect(found?.touches[0][0]).toBe(String(mine[0]?.ts));
          expect(found?.touches[1][0]).toBe(String(own[0]?.beganMs));
          expect(found?.devices.reduce((sum, { total }) => sum + total, 0)).toBe(right.events);
          expect(found?.places.reduce((sum, { total }) => sum + total, 0)).toBe(right.events);
          const scope = { project, range: everything };
          const rows = await visits.ofPerson(person, { scope, limit: 1_000, now: everything.to });
          expect(rows.map(shownSession)).toEqual(own);
          for (const row of rows.slice(0, 3)) expect(await visits.find({ project }, person, row)).toEqual(row);
        }
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    ));

  it('skips nobody and repeats nobody while events arrive', () =>
    fc.assert(
      fc.asyncProperty(smallWorld(), order(), fc.array(fc.nat(), { maxLength: 8 }), async (world, by, late) => {
        const project = await settle(world);
        const events = world.blocks.flat();
        const all = seeEvents(events, world.links);
        const arrived = Math.max(0, ...events.map(({ receivedAt }) => receivedAt));
        const right = directory(all, world.range).map(({ id }) => id);
        const more = late.map((pick, at) => {
          const event = events[pick % Math.max(1, events.length)];
          return event === undefined
            ? []
            : [{ ...event, id: randomUUID(), ts: world.range.from + at, receivedAt: arrived + 1 + at }];
        });
        const scope = { project, range: world.range, arrived };
        const walked = await walk(scope, by, undefined, world.range.to, () =>
          insert('events', EVENT_COLUMNS, rowsOf(project, more.shift() ?? [])),
        );
        expect(walked.map(({ id }) => id).sort()).toEqual(right.sort());
      }),
      { numRuns },
    ));
});
