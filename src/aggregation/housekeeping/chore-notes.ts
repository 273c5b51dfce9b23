// What do chores remember from one run to the next? All SQL on their notes.
import { Injectable } from '@nestjs/common';
import { and, eq, lt, sql } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import { choreNotes } from './housekeeping.schema';

/** A note; `at` in milliseconds. */
export interface ChoreNote {
  readonly subject: string;
  readonly at: number;
  readonly detail: unknown;
}

const LEASE = 'lease';
const ALL = '';

@Injectable()
export class ChoreNotes {
  constructor(private readonly postgres: Postgres) {}

  /** Notes of a chore, by what they are about. */
  async of(chore: string): Promise<Map<string, ChoreNote>> {
    const rows = await this.postgres.run((db) => db.select().from(choreNotes).where(eq(choreNotes.chore, chore)));
    return new Map(rows.map(({ subject, at, detail }) => [subject, { subject, at: at.getTime(), detail }] as const));
  }

  /** Notes that a chore was done. @param about what it was done to, and what it wants to remember */
  async done(chore: string, at: number, about: { subject?: string; detail?: unknown } = {}): Promise<void> {
    const { subject = ALL, detail = null } = about;
    const values = { at: new Date(at), detail };
    await this.postgres.run((db) =>
      db
        .insert(choreNotes)
        .values({ chore, subject, ...values })
        .onConflictDoUpdate({ target: [choreNotes.chore, choreNotes.subject], set: values }),
    );
  }

  /** Forgets what a chore noted before a moment: months and projects come and go. */
  async forget(chore: string, before: number): Promise<void> {
    await this.postgres.run((db) =>
      db.delete(choreNotes).where(and(eq(choreNotes.chore, chore), lt(choreNotes.at, new Date(before)))),
    );
  }

  /** Takes or prolongs the right to do the chores, by the database's clock. @param holder who asks
   *  @returns whether it is the holder's now */
  async lease(holder: string, forMs: number): Promise<boolean> {
    const at = sql`now() + ${forMs} * interval '1 millisecond'`;
    const rows = await this.postgres.run((db) =>
      db
        .insert(choreNotes)
        .values({ chore: LEASE, subject: ALL, at, detail: holder })
        .onConflictDoUpdate({
          target: [choreNotes.chore, choreNotes.subject],
          set: { at, detail: holder },
          setWhere: sql`${choreNotes.at} < now() OR ${choreNotes.detail} = to_jsonb(${holder}::text)`,
        })
        .returning({ chore: choreNotes.chore }),
    );
    return rows.length > 0;
  }

  /** Gives the right back. */
  async release(holder: string): Promise<void> {
    await this.postgres.run((db) =>
      db
        .delete(choreNotes)
        .where(and(eq(choreNotes.chore, LEASE), sql`${choreNotes.detail} = to_jsonb(${holder}::text)`)),
    );
  }
}
