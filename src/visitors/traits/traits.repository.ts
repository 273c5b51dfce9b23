// How are traits kept? One row a user, changed in one statement each time, so that no change of two at once is lost.
import { Injectable } from '@nestjs/common';
import { and, eq, inArray, sql, type SQL } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import type { Traits } from '../visitors.dto';
import { visitorTraits } from '../visitors.schema';
import { MOST_TRAITS, MOST_TRAITS_BYTES, type TraitChange } from './trait-change';

/** Traits of users in Postgres. */
@Injectable()
export class TraitsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** The traits of these users: of those that have any. */
  async of(projectId: string, visitors: readonly string[]): Promise<Map<string, Traits>> {
    if (visitors.length === 0) return new Map();
    const rows = await this.postgres.run((db) =>
      db
        .select({ visitor: visitorTraits.visitor, traits: visitorTraits.traits })
        .from(visitorTraits)
        .where(and(eq(visitorTraits.projectId, projectId), inArray(visitorTraits.visitor, [...visitors]))),
    );
    return new Map(rows.map(({ visitor, traits }) => [visitor, traits]));
  }

  /** Changes the traits of a user, who need not have any.
   *  @returns false where there would be too many, or too large ones; then nothing is changed */
  async change(projectId: string, visitor: string, change: TraitChange, now: number): Promise<boolean> {
    const updatedAt = new Date(now);
    const old = sql`${visitorTraits.traits}`;
    const next = changed(old, change);
    const rows = await this.postgres.run((db) =>
      db
        .insert(visitorTraits)
        .values({ projectId, visitor, traits: sql`${changed(sql`'{}'::jsonb`, change)}`, updatedAt })
        .onConflictDoUpdate({
          target: [visitorTraits.projectId, visitorTraits.visitor],
          set: { traits: sql`${next}`, updatedAt },
          setWhere: sql`(SELECT count(*) FROM jsonb_object_keys(${next})) <= ${MOST_TRAITS} AND octet_length((${next})::text) <= ${MOST_TRAITS_BYTES}`,
        })
        .returning({ visitor: visitorTraits.visitor }),
    );
    return rows.length === 1;
  }
}

const json = (value: object): SQL => sql`${JSON.stringify(value)}::jsonb`;

/** First values give way to what is there, set ones do not; sums begin at 0 where there is no number. Decimals add up as decimals. */
const changed = (old: SQL, { set, add, once }: TraitChange): SQL => {
  const sums = sql`(
    SELECT coalesce(jsonb_object_agg(part.key, to_jsonb(part.value::numeric +
      CASE WHEN jsonb_typeof(${old} -> part.key) = 'number' THEN (${old} ->> part.key)::numeric ELSE 0 END)), '{}'::jsonb)
    FROM jsonb_each_text(${json(add)}) AS part)`;
  return sql`(${json(once)} || ${old} || ${json(set)} || ${sums})`;
};
