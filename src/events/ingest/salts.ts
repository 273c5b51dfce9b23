// With what are visitors hashed who bring no id? A random salt for each UTC day, shared by every replica and soon forgotten.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { inArray, lt } from 'drizzle-orm';
import { randomBytes } from 'node:crypto';
import { Clock } from '../../common/clock';
import { DAY_MS, HOUR_MS } from '../../common/time-range';
import { Postgres } from '../../platform/postgres/postgres';
import { Maintenance } from '../../platform/queue/maintenance';
import { visitorSalts } from '../events.schema';

/** Once its salt is gone nobody can compute a derived visitor again, not even from the address. */
const KEPT_MS = 2 * DAY_MS;

@Injectable()
export class Salts implements OnModuleInit {
  readonly #logger = new Logger(Salts.name);
  readonly #known = new Map<string, { salt: Buffer; until: number }>();

  constructor(
    private readonly postgres: Postgres,
    private readonly maintenance: Maintenance,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    this.maintenance.every(HOUR_MS, 'forget-salts', () => this.forget());
    // Today's is wanted by the first request; where Postgres is slow to come, that request loads it itself.
    await this.load([new Date(this.clock.now()).toISOString().slice(0, 10)]).catch(() =>
      this.#logger.warn("today's salt could not be loaded yet"),
    );
  }

  /** The salt of a UTC day, `YYYY-MM-DD`; undefined where it must be loaded first. */
  get(day: string): Buffer | undefined {
    const known = this.#known.get(day);
    return known !== undefined && known.until > this.clock.now() ? known.salt : undefined;
  }

  /** Loads the salts of days, or makes them.
   *  @throws storeUnavailable */
  async load(days: readonly string[]): Promise<void> {
    const made = days.map((day) => ({ day, salt: randomBytes(16) }));
    await this.postgres.run((db) => db.insert(visitorSalts).values(made).onConflictDoNothing());
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(visitorSalts)
        .where(inArray(visitorSalts.day, [...days])),
    );
    for (const { day, salt, createdAt } of rows) this.#known.set(day, { salt, until: createdAt.getTime() + KEPT_MS });
  }

  /** Deletes salts whose time is over, here and in the store. */
  async forget(): Promise<void> {
    const now = this.clock.now();
    for (const [day, { until }] of this.#known) if (until <= now) this.#known.delete(day);
    await this.postgres.run((db) => db.delete(visitorSalts).where(lt(visitorSalts.createdAt, new Date(now - KEPT_MS))));
  }
}
