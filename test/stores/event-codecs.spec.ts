// Do events of an older release read the same when their columns are packed in another way, and when do they take it on? On the real engine.
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { aClickHouseDatabase, askClickHouse, until } from '../support';

/** The last release before columns got the codecs that they have now. */
const BEFORE = 4;
const ROWS = 40_000;

/** Visitors of a shop: few names, thousands of pages, texts that are long or empty; a month in which no merge is due. */
const rows = (where: string): string => `
  INSERT INTO events (project_id, ts, received_at, seq, event_id, name, visitor_id, path, title, referrer, country, revenue, currency, properties)
  SELECT 1 + number % 3,
         toDateTime64('2026-01-05 00:00:00', 3, 'UTC') + toIntervalMillisecond(cityHash64(number) % 864000000) AS at,
         at + toIntervalMillisecond(number % 700), number % 4, toUUID(concat('00000000-0000-4000-8000-', leftPad(toString(number), 12, '0'))),
         ['pageview', 'search', 'purchase'][1 + number % 3], cityHash64(intDiv(number, 8)),
         concat('/journal/how-to-', toString(cityHash64(number, 'page') % 3000)), if(number % 5 = 0, '', repeat('Störung „1“ ', number % 40)),
         if(number % 7 = 0, repeat('https://example.org/?', number % 60), ''), ['DE', 'US', ''][1 + intDiv(number, 8) % 3],
         toDecimal64(number % 1000, 4) / 100, if(number % 3 = 2, 'EUR', ''), if(number % 2 = 0, map(), map('plan', '"pro"', 'price', toString(number)))
  FROM numbers(${ROWS}) WHERE ${where}`;

let url: string;
const ask = async (query: string): Promise<string> => (await askClickHouse(url, query)).trim();
/** Every event, all its columns, in one number. */
const all = (): Promise<string> => ask('SELECT count(), groupBitXor(cityHash64(*)) FROM events FINAL');
const bytes = async (): Promise<number> =>
  Number(
    await ask(
      "SELECT sum(data_compressed_bytes) FROM system.parts WHERE active AND table = 'events' AND database = currentDatabase()",
    ),
  );
const described = (): Promise<string> => ask('SHOW CREATE TABLE events');
const waitingChanges = (): Promise<string> =>
  ask("SELECT count() FROM system.mutations WHERE table = 'events' AND database = currentDatabase() AND NOT is_done");

beforeEach(async () => {
  url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined, BEFORE);
});

it('reads events of an older release as they were, before and after their texts are written anew behind', async () => {
  await ask(rows('number % 4 < 3'));
  const [were, took] = [await all(), await bytes()];
  // As where nothing is written anew yet.
  await ask('SYSTEM STOP MERGES events');
  await migrateClickHouse(url, undefined);
  expect(await all()).toBe(were);
  expect(await bytes()).toBe(took);
  expect(Number(await waitingChanges())).toBeGreaterThan(0);
  await ask('SYSTEM START MERGES events');
  await until(waitingChanges, (count) => count === '0', 60_000);
  expect(await all()).toBe(were);
  expect(await bytes()).toBeLessThan(took);
});

it('packs old events anew with the next merge of their month, none lost, none changed, none counted twice', async () => {
  await ask(rows('number % 4 < 3'));
  const took = await bytes();
  await migrateClickHouse(url, undefined);
  await ask('OPTIMIZE TABLE events FINAL');
  expect(await bytes()).toBeLessThan(took * 0.95);
  // A fourth of them is new, and as many come a second time.
  await ask(rows('number % 4 > 1'));
  const mixed = await all();
  await ask('OPTIMIZE TABLE events FINAL');
  expect(await all()).toBe(mixed);
  expect(await ask('SELECT count() FROM events')).toBe(String(ROWS));

  // The same as where there has never been anything else.
  url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  await ask(rows('1'));
  expect(await all()).toBe(mixed);
});

it('comes to the same description when it is cut short, done again, or done by several at once', async () => {
  await migrateClickHouse(url, undefined);
  const once = await described();
  // As where a process ended between the statements and the note that they are done.
  await ask(`DELETE FROM schema_migrations WHERE version > ${BEFORE}`);
  await Promise.all([1, 2, 3].map(() => migrateClickHouse(url, undefined)));
  expect(await described()).toBe(once);
  expect(once).toMatch(/`ts`.* CODEC\(T64, ZSTD\(1\)\)/);
});
