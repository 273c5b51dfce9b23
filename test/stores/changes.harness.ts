// What do tests of changes start from? The parts of a writer by hand, on real stores, without anybody who derives.
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { Clock } from '../../src/common/clock';
import { newId } from '../../src/common/ids';
import { Env, StoreUrls } from '../../src/config/env';
import { BootSweep } from '../../src/events/changes/boot-sweep';
import { ChangeLog } from '../../src/events/changes/change-log';
import { ChangeTimes } from '../../src/events/changes/change-times';
import { ChangesRepository } from '../../src/events/changes/changes.repository';
import { ClosingViews } from '../../src/events/changes/closing-views';
import { DebtBook } from '../../src/events/changes/debt-book';
import { LinkSpreader } from '../../src/events/changes/link-spreader';
import { MarkStale } from '../../src/events/changes/mark-stale';
import { Marks } from '../../src/events/changes/marks';
import { PendingCounter } from '../../src/events/changes/pending-counter';
import type { Entry } from '../../src/events/ingest/block';
import { EventStore } from '../../src/events/ingest/event-store';
import { LinkStore } from '../../src/events/ingest/link-store';
import { StoredEvents } from '../../src/events/ingest/stored-events';
import { encodeRow, type EventRow } from '../../src/events/pipeline';
import { emptyRow } from '../../src/events/pipeline/event-row';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { Metrics } from '../../src/platform/metrics/metrics';
import { migratePostgres } from '../../src/platform/postgres/migrate';
import { Postgres } from '../../src/platform/postgres/postgres';
import type { Maintenance } from '../../src/platform/queue/maintenance';
import { someStores } from '../support';

/** One process that writes. */
export interface Writer {
  readonly store: EventStore;
  readonly changes: ChangeLog;
  readonly debts: DebtBook;
  readonly pending: PendingCounter;
  readonly spreader: LinkSpreader;
  readonly sweep: BootSweep;
  /** How many marks were written: statements. */
  readonly statements: { marks: number; visitors: number };
  /** Stores events as a block of their own. @param timeoutMs a patient writer's */
  send(entries: Entry[], timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** Stores of a file's tests, and a connection to look with. */
export interface ChangeWorld {
  readonly urls: StoreUrls;
  readonly db: Client;
  /** A project, derived up to `closing`; undefined: nothing of it is. @returns its number */
  aProject(closing?: number): Promise<number>;
  /** Stands for the refresher: announces a closing. */
  announce(project: number, closing: number): Promise<void>;
  /** Marks of a project: [from, to, seconds that `until` is ahead], oldest first. */
  marksOf(project: number): Promise<[from: number, to: number, ahead: number][]>;
  writer(parts?: WriterParts): Writer;
  close(): Promise<void>;
}

/** What a test chooses of a writer. */
export interface WriterParts {
  readonly urls?: StoreUrls;
  readonly times?: Partial<Record<'viewMs' | 'leaseMs' | 'marginMs' | 'insertMs', number>>;
  readonly clickhouse?: ClickHouse;
}

/** Migrated stores of their own. Close them in `afterAll`. */
export async function aChangeWorld(): Promise<ChangeWorld> {
  const urls = await someStores();
  await Promise.all([migratePostgres(urls.postgres), migrateClickHouse(urls.clickhouse, undefined)]);
  const db = new Client({ connectionString: urls.postgres });
  await db.connect();
  const open: Writer[] = [];
  const announce = async (project: number, closing: number): Promise<void> => {
    await db.query(
      `INSERT INTO event_horizons (project, horizon, closing, closing_at) VALUES ($1, $2, $2, now())
       ON CONFLICT (project) DO UPDATE SET closing = excluded.closing, closing_at = now()`,
      [project, new Date(closing)],
    );
  };
  return {
    urls,
    db,
    async aProject(closing) {
      const { rows } = await db.query<{ number: number }>(
        `INSERT INTO projects (id, name, timezone, domains, settings, secret, created_at, updated_at)
         VALUES ($1, 'p', 'UTC', '{}', '{}', '\\x00', now(), now()) RETURNING number`,
        [randomUUID()],
      );
      const { number } = rows[0]!;
      if (closing !== undefined) await announce(number, closing);
      return number;
    },
    announce,
    async marksOf(project) {
      const { rows } = await db.query<{ from: Date; to: Date; ahead: string }>(
        `SELECT "from", "to", extract(epoch FROM until - now()) AS ahead FROM stale_ranges WHERE project = $1 ORDER BY 1, 2`,
        [project],
      );
      return rows.map(({ from, to, ahead }) => [from.getTime(), to.getTime(), Number(ahead)]);
    },
    writer(parts) {
      const writer = aWriter(urls, parts);
      open.push(writer);
      return writer;
    },
    async close() {
      for (const writer of open) await writer.close();
      await db.end();
    },
  };
}

function aWriter(shared: StoreUrls, { urls = shared, times: wish = {}, clickhouse: given }: WriterParts = {}): Writer {
  const env = new Env();
  const clock = new Clock();
  const postgres = new Postgres(urls.postgres);
  const clickhouse = given ?? new ClickHouse(env, urls);
  const times = Object.assign(new ChangeTimes(env), wish);
  const statements = { marks: 0, visitors: 0 };
  const changes = new ChangesRepository(postgres);
  const [mark, addVisitors] = [changes.mark.bind(changes), changes.addVisitors.bind(changes)];
  changes.mark = (ranges, untilMs) => {
    statements.marks += Number(ranges.length > 0);
    return mark(ranges, untilMs);
  };
  changes.addVisitors = (visitors, untilMs) => {
    statements.visitors += Number(visitors.length > 0);
    return addVisitors(visitors, untilMs);
  };
  const views = new ClosingViews(changes, times);
  const debts = new DebtBook(changes, times, postgres, clock);
  const pending = new PendingCounter(changes, postgres);
  const log = new ChangeLog(changes, views, new Marks(changes), debts, pending, times, clock);
  const stale = new MarkStale(changes);
  const store = new EventStore(
    clickhouse,
    new Metrics(),
    clock,
    new LinkStore(clickhouse, log),
    log,
    stale,
    new StoredEvents(),
  );
  debts.onModuleInit();
  return {
    store,
    changes: log,
    debts,
    pending,
    spreader: new LinkSpreader({} as Maintenance, changes, clickhouse, stale),
    sweep: new BootSweep(changes, clickhouse, times, clock),
    statements,
    async send(entries, timeoutMs) {
      await store.store({ id: newId(), entries, rejects: [] }, entries, timeoutMs);
    },
    async close() {
      views.onModuleDestroy();
      await debts.onModuleDestroy();
      await Promise.all([postgres.onApplicationShutdown(), clickhouse.onApplicationShutdown()]);
    },
  };
}

/** An event of a project. */
export function anEntry(project: number, at: number, more: Partial<EventRow> = {}, keyStable = true): Entry {
  const row = { ...emptyRow(project, Date.now()), ts: at, event_id: randomUUID(), name: 'a', visitor_id: '7', ...more };
  return {
    project,
    id: row.event_id,
    idGiven: true,
    keyStable,
    at,
    visitor: row.visitor_id,
    user: row.user_id,
    line: encodeRow(row),
  };
}
