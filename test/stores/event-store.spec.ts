// Does a block get into the real warehouse once, whatever goes wrong on the way?
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../src/common/clock';
import { newId } from '../../src/common/ids';
import { Env, StoreUrls } from '../../src/config/env';
import type { ChangeLog, MarkStale } from '../../src/events';
import { type Entry, packBlock, unpackBlock } from '../../src/events/ingest/block';
import { EventStore } from '../../src/events/ingest/event-store';
import { LinkStore } from '../../src/events/ingest/link-store';
import { StoredEvents } from '../../src/events/ingest/stored-events';
import { encodeRow, type EventRow } from '../../src/events/pipeline';
import { emptyRow } from '../../src/events/pipeline/event-row';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { ClickHouseFault } from '../../src/platform/clickhouse/faults';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { Metrics } from '../../src/platform/metrics/metrics';
import { aClickHouseDatabase, askClickHouse } from '../support';

let url: string;
let clickhouse: ClickHouse;
let project = 0;

/** What is said about changes has tests of its own. */
const unheard = { before: async () => ({}), linking: async () => undefined, after: async () => undefined };
const aStore = (on = clickhouse): EventStore => {
  const changes = unheard as unknown as ChangeLog;
  const stale = { mark: async () => undefined } as unknown as MarkStale;
  return new EventStore(on, new Metrics(), new Clock(), new LinkStore(on, changes), changes, stale, new StoredEvents());
};

function anEntry(more: Partial<EventRow> = {}, keyStable = true): Entry {
  const at = Date.now();
  const row = { ...emptyRow(project, at), event_id: randomUUID(), name: 'a', visitor_id: '7', ...more };
  return {
    project: row.project_id,
    id: row.event_id,
    idGiven: true,
    keyStable,
    at: row.ts,
    visitor: row.visitor_id,
    user: row.user_id,
    line: encodeRow(row),
  };
}

const ask = async (query: string): Promise<string> => (await askClickHouse(url, query)).trim();
const count = (table = 'events', final = 'FINAL'): Promise<string> =>
  ask(`SELECT count() FROM ${table} ${final} WHERE project_id = ${project}`);

beforeAll(async () => {
  url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(new Env(), new StoreUrls('', url));
});
afterAll(() => clickhouse.onApplicationShutdown());
beforeEach(() => {
  project += 1;
});

describe('the warehouse', () => {
  it('is migrated once, by however many', async () => {
    const other = await aClickHouseDatabase();
    await migrateClickHouse(other, undefined);
    await migrateClickHouse(other, undefined);
    const twice = await askClickHouse(other, 'SELECT count() - uniqExact(version) FROM schema_migrations');
    expect(twice.trim()).toBe('0');
  });

  it('is refused where it is newer than the code', async () => {
    const newer = await aClickHouseDatabase();
    await migrateClickHouse(newer, undefined);
    await askClickHouse(newer, "INSERT INTO schema_migrations (version, name) VALUES (900, 'x')");
    await expect(migrateClickHouse(newer, undefined)).rejects.toThrow(/newer than this Millrace/);
  });
});

it('a warehouse that cannot be reached is named in one line', () =>
  expect(migrateClickHouse('http://127.0.0.1:1/x', undefined)).rejects.toThrow(
    'The warehouse (CLICKHOUSE_URL, or the embedded one) could not be prepared: NOT_REACHABLE.',
  ));

describe('a block', () => {
  it('is stored as one row an event, and leaves one when it is sent again', async () => {
    const store = aStore();
    const entries = Array.from({ length: 100 }, () => anEntry());
    await store.store({ id: newId(), entries, rejects: [] });
    await store.store({ id: newId(), entries, rejects: [] });
    expect(await count()).toBe('100');
  });

  it('is dropped by the engine when it comes with the same token', async () => {
    const store = aStore();
    const block = { id: newId(), entries: [anEntry(), anEntry()], rejects: [] };
    await store.store(block);
    await store.store(block);
    expect(await count('events', '')).toBe('2');
  });

  it('is found by its ids, in its own project only, whatever its time', async () => {
    const store = aStore();
    const late = anEntry({ ts: Date.UTC(2015, 4, 17) }, false);
    await store.store({ id: newId(), entries: [late], rejects: [] });
    const elsewhere = { ...late, project: project + 1_000 };
    expect(await store.findStored([late, elsewhere, anEntry({}, false)])).toEqual(new Set([`${project}:${late.id}`]));
  });

  it('finds thousands of ids at once', async () => {
    const store = aStore();
    const entries = Array.from({ length: 5_000 }, () => anEntry({}, false));
    await store.store({ id: newId(), entries, rejects: [] });
    expect((await store.findStored([...entries, anEntry({}, false)])).size).toBe(5_000);
  });

  it('loses only its poison', async () => {
    const store = aStore();
    const entries = Array.from({ length: 33 }, () => anEntry());
    const poison = { ...anEntry(), line: '["no number"]' };
    const refused = await store.store({ id: newId(), entries: [...entries, poison], rejects: [] });
    expect(refused).toEqual([poison]);
    expect(await count()).toBe('33');
    expect(await ask(`SELECT code, payload FROM rejected_events WHERE project_id = ${project} FORMAT CSV`)).toBe(
      '"refused_by_store","[""no number""]"',
    );
  });

  it('whose first half was stored when the warehouse went away loses nothing of the other one', async () => {
    const poison = { ...anEntry(), line: '["no number"]' };
    const found = [anEntry({}, false), anEntry({}, false)];
    const entries = [...found, anEntry(), anEntry(), anEntry(), poison];
    const block = { id: newId(), entries, rejects: [] };
    let halves = 0;
    const goesAway = new Proxy(clickhouse, {
      get: (target, name) =>
        name === 'insert'
          ? async (...given: Parameters<ClickHouse['insert']>) => {
              if (given[0].body.toString().split('\n').length === 3 && (halves += 1) === 2)
                throw new ClickHouseFault('away', undefined, 'NOT_REACHABLE');
              return target.insert(...given);
            }
          : (Reflect.get(target, name, target) as () => unknown).bind(target),
    });
    await expect(aStore(goesAway).store(block)).rejects.toThrow('NOT_REACHABLE');
    expect(await count()).toBe('3');

    // As it comes out of the spool: without what is found in the warehouse, so that its halves are others.
    const store = aStore();
    expect((await store.findStored(entries)).size).toBe(2);
    const fresh = entries.filter((entry) => !found.includes(entry));
    expect(await store.store({ ...block, entries: fresh }, entries)).toEqual([poison]);
    expect(await count()).toBe('5');
  });

  it('links a visitor to the user seen with it, since the earliest time', async () => {
    const store = aStore();
    const seen = (ts: number) => anEntry({ visitor_id: '7', user_id: '9', ts });
    for (const ts of [2_000_000_000_000, 1_000_000_000_000, 1_500_000_000_000])
      await store.store({ id: newId(), entries: [seen(ts)], rejects: [] });
    expect(
      await ask(
        `SELECT visitor_id, user_id, toUnixTimestamp64Milli(min(first_at)) FROM visitor_links WHERE project_id = ${project} GROUP BY ALL FORMAT CSV`,
      ),
    ).toBe('7,9,1000000000000');
  });

  it('leaves one of two rows that two replicas stored under different keys', async () => {
    const [one, other] = [aStore(), aStore()];
    const id = randomUUID();
    const first = anEntry({ event_id: id, visitor_id: '5', ts: 1_700_000_000_000 }, false);
    const second = anEntry({ event_id: id, visitor_id: '4', ts: 1_700_000_100_000 }, false);
    await Promise.all([
      one.store({ id: newId(), entries: [first], rejects: [] }),
      other.store({ id: newId(), entries: [second], rejects: [] }),
    ]);
    for (let tries = 0; tries < 100 && (await count()) !== '1'; tries += 1) await sleep(100);
    expect(await count()).toBe('1');
    // Whoever comes later finds what is left, and changes nothing.
    await one.store({ id: newId(), entries: [], rejects: [] }, [first, second]);
    expect(await count()).toBe('1');
  });

  it('that nobody could see twice is settled behind them', async () => {
    const store = aStore();
    const since = Date.now();
    const id = randomUUID();
    const first = anEntry({ event_id: id, ts: 1_700_000_000_000 });
    const second = anEntry({ event_id: id, ts: 1_600_000_000_000 });
    await store.store({ id: newId(), entries: [first, anEntry()], rejects: [] });
    await store.store({ id: newId(), entries: [second], rejects: [] });
    expect(await store.settleSince(since)).toBe(1);
    for (let tries = 0; tries < 100 && (await count()) !== '2'; tries += 1) await sleep(100);
    expect(await ask(`SELECT toUnixTimestamp64Milli(ts) FROM events FINAL WHERE event_id = '${id}'`)).toBe(
      '1600000000000',
    );
  });

  it('goes with its project, and no other', async () => {
    const store = aStore();
    await store.store({ id: newId(), entries: [anEntry({ user_id: '9' })], rejects: [] });
    const kept = { ...anEntry({ project_id: project + 2_000 }) };
    await store.store({ id: newId(), entries: [kept], rejects: [] });
    await store.erase(project);
    expect([await count(), await count('visitor_links')]).toEqual(['0', '0']);
    expect(await ask(`SELECT count() FROM events WHERE project_id = ${project + 2_000}`)).toBe('1');
  });

  it('that an older release wrote, with fewer columns, is stored as it was meant', async () => {
    const id = randomUUID();
    const columns = ['project_id', 'ts', 'received_at', 'event_id', 'name', 'visitor_id'];
    const line = JSON.stringify([project, '2026-01-01 00:00:00.000', '2026-01-01 00:00:00.000', id, 'old', '7']);
    const old = { ...anEntry(), id, line };
    const waited = unpackBlock(packBlock({ id: newId(), entries: [old], rejects: [], columns }));
    expect(await aStore().store(waited)).toEqual([]);
    expect(await ask(`SELECT name FROM events WHERE project_id = ${project}`)).toBe('old');
  });

  it('stores years of months at once', async () => {
    // A database of its own: every part would slow down the deletions of the other tests.
    const apart = await aClickHouseDatabase();
    await migrateClickHouse(apart, undefined);
    const other = new ClickHouse(new Env(), new StoreUrls('', apart));
    const entries = Array.from({ length: 200 }, (_, month) => anEntry({ ts: Date.UTC(2000, month, 3) }));
    await aStore(other).store({ id: newId(), entries, rejects: [] }, entries, 60_000);
    expect((await askClickHouse(apart, 'SELECT count(), uniq(_partition_id) FROM events FORMAT CSV')).trim()).toBe(
      '200,200',
    );
    await other.onApplicationShutdown();
  });
});
