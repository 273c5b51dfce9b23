// How much did a project send, day by day? Counted in memory by whoever takes events in, written about once a second.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { and, asc, eq, gte, lte, sql } from 'drizzle-orm';
import { Clock } from '../common/clock';
import { invalidInput } from '../common/problem';
import { DAY_MS } from '../common/time-range';
import { Postgres } from '../platform/postgres/postgres';
import { projects, projectUsage } from './projects.schema';
import type { UsageDayDto } from './projects.dto';

/** What one request, or one block, adds. */
export interface Used {
  events?: number;
  rejected?: number;
  duplicates?: number;
  bytes?: number;
}

type Row = Required<Used> & { projectId: string; day: string };

const WRITE_EVERY_MS = 1_000;
const DEFAULT_DAYS = 30;
const MOST_DAYS = 3_660;
const WARN_AFTER_FAILURES = 30;

/** Use per project and UTC day. Figures for people, not for bills: up to a second of them goes with a crash. */
@Injectable()
export class UsageRecorder implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(UsageRecorder.name);
  private rows = new Map<string, Row>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private failures = 0;

  constructor(
    private readonly postgres: Postgres,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.write(), WRITE_EVERY_MS);
    this.timer.unref();
    // Twice: a write that is under way does not hold what was added meanwhile.
    this.postgres.beforeClose(async () => {
      await this.write();
      await this.write();
    });
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.writing;
  }

  /** Adds to today's figures of a project. No store is asked. */
  add(projectId: string, { events = 0, rejected = 0, duplicates = 0, bytes = 0 }: Used): void {
    const day = dayOf(this.clock.now());
    const key = `${projectId} ${day}`;
    const row = this.rows.get(key) ?? { projectId, day, events: 0, rejected: 0, duplicates: 0, bytes: 0 };
    row.events += events;
    row.rejected += rejected;
    row.duplicates += duplicates;
    row.bytes += bytes;
    this.rows.set(key, row);
  }

  /** Writes what was added. Runs by itself; one at a time. */
  write(): Promise<void> {
    this.writing ??= this.writeRows().finally(() => (this.writing = undefined));
    return this.writing;
  }

  /** Figures of each day from `from` to `to` inclusive, default the last 30 days; days without any as zeros.
   *  @throws invalidInput where one bound is missing, they are the wrong way round, or too far apart */
  async days(projectId: string, from?: string, to?: string): Promise<UsageDayDto[]> {
    const [first, last] = this.bounds(from, to);
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(projectUsage)
        .where(and(eq(projectUsage.projectId, projectId), gte(projectUsage.day, first), lte(projectUsage.day, last)))
        .orderBy(asc(projectUsage.day)),
    );
    const byDay = new Map(rows.map(({ projectId: _project, ...row }) => [row.day, row]));
    const days: UsageDayDto[] = [];
    for (let time = Date.parse(first); time <= Date.parse(last); time += DAY_MS) {
      const day = dayOf(time);
      days.push(byDay.get(day) ?? { day, events: 0, rejected: 0, duplicates: 0, bytes: 0 });
    }
    return days;
  }

  private bounds(from: string | undefined, to: string | undefined): [first: string, last: string] {
    const now = this.clock.now();
    if (from === undefined && to === undefined) return [dayOf(now - (DEFAULT_DAYS - 1) * DAY_MS), dayOf(now)];
    if (from === undefined || to === undefined)
      throw wrong(from === undefined ? 'from' : 'to', 'required', 'must be given with the other bound');
    const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
    if (days < 1) throw wrong('to', 'out_of_range', 'must not be before from');
    if (days > MOST_DAYS) throw wrong('to', 'out_of_range', `must be at most ${MOST_DAYS} days from from`);
    return [from, to];
  }

  private async writeRows(): Promise<void> {
    if (this.rows.size === 0) return;
    const rows = [...this.rows.values()].sort((a, b) => (a.projectId < b.projectId ? -1 : 1));
    this.rows = new Map();
    try {
      await this.postgres.run((db) => db.execute(addUp(rows)));
      this.failures = 0;
    } catch {
      for (const row of rows) this.putBack(row);
      this.failures += 1;
      if (this.failures === WARN_AFTER_FAILURES) this.logger.warn('the use of projects waits to be written');
    }
  }

  private putBack(row: Row): void {
    const key = `${row.projectId} ${row.day}`;
    const newer = this.rows.get(key);
    this.rows.set(
      key,
      newer === undefined
        ? row
        : {
            ...row,
            events: row.events + newer.events,
            rejected: row.rejected + newer.rejected,
            duplicates: row.duplicates + newer.duplicates,
            bytes: row.bytes + newer.bytes,
          },
    );
  }
}

/** TRICKY: a project may be erased between its last event and this; the join leaves it out instead of failing for all. */
const addUp = (rows: readonly Row[]) => {
  const column = (pick: (row: Row) => string | number) => sql.param(rows.map(pick));
  return sql`
    INSERT INTO ${projectUsage} (project_id, day, events, rejected, duplicates, bytes)
    SELECT added.* FROM unnest(
      ${column((row) => row.projectId)}::uuid[], ${column((row) => row.day)}::date[], ${column((row) => row.events)}::bigint[],
      ${column((row) => row.rejected)}::bigint[], ${column((row) => row.duplicates)}::bigint[], ${column((row) => row.bytes)}::bigint[]
    ) AS added (project_id, day, events, rejected, duplicates, bytes)
    JOIN ${projects} ON ${projects.id} = added.project_id
    ON CONFLICT (project_id, day) DO UPDATE SET
      events = ${projectUsage}.events + excluded.events,
      rejected = ${projectUsage}.rejected + excluded.rejected,
      duplicates = ${projectUsage}.duplicates + excluded.duplicates,
      bytes = ${projectUsage}.bytes + excluded.bytes`;
};

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

const wrong = (path: string, code: string, message: string): Error =>
  invalidInput({ errors: [{ path, code, message }] });
