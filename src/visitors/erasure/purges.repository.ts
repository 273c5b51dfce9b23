// Which erasures are hidden but still on the disk, and who takes them off?
import { Injectable } from '@nestjs/common';
import { eq, sql } from 'drizzle-orm';
import { newId } from '../../common/ids';
import type { HiddenVisitors } from '../../events';
import { visitorErasures } from '../../events/erasure/erasure.schema';
import { Postgres } from '../../platform/postgres/postgres';
import { projects } from '../../projects/projects.schema';
import { type ErasureRow, together } from './erasures.repository';

/** Hashes of one round. */
const MOST_HASHES = 20_000;

/** Hidden erasures of any projects that are purged together. */
export interface ClaimedPurge {
  readonly claim: string;
  readonly hidden: readonly HiddenVisitors[];
}

const ago = (ms: number) => sql`now() - ${ms} * interval '1 millisecond'`;

@Injectable()
export class PurgesRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Takes all that was hidden `readersMs` ago, once the first of it has waited for `gatherMs`. Two who ask at the same moment may both get some:
   *  what both do does no harm.
   *  @returns undefined where it is too early, or somebody is at it */
  async claim(readersMs: number, gatherMs: number, forMs: number): Promise<ClaimedPurge | undefined> {
    const claim = newId();
    const { rows } = await this.postgres.run((db) =>
      db.execute<ErasureRow & { project: number; id: string; derived: string | null }>(sql`
        WITH taken AS (
          UPDATE ${visitorErasures} SET claim = ${claim}, claimed_until = now() + ${forMs} * interval '1 millisecond'
          WHERE id IN (
            SELECT id FROM ${visitorErasures}
            WHERE hidden_at <= ${ago(readersMs)}
              AND (SELECT min(hidden_at) FROM ${visitorErasures}) <= ${ago(gatherMs)}
              AND NOT EXISTS (SELECT 1 FROM ${visitorErasures} WHERE hidden_at IS NOT NULL AND claimed_until >= now())
            ORDER BY hidden_at, id LIMIT ${MOST_HASHES}
            FOR UPDATE SKIP LOCKED)
          RETURNING project, visitor, erased_at, touched, derived_up_to)
        SELECT project, ${projects.id} AS id, visitor, (extract(epoch FROM erased_at) * 1000)::bigint AS erased, touched,
          derived_up_to AS derived
        FROM taken JOIN ${projects} ON ${projects.number} = project`),
    );
    if (rows.length === 0) return undefined;
    const byProject = new Map<number, typeof rows>();
    for (const row of rows) byProject.set(row.project, [...(byProject.get(row.project) ?? []), row]);
    return {
      claim,
      hidden: [...byProject].map(([number, some]) => {
        const { hashes, touched } = together(some);
        const derivedUpTo = Math.max(...some.map(({ derived }) => Number(derived ?? 0)));
        return { project: { id: some[0]?.id ?? '', number }, visitors: hashes, touched, derivedUpTo };
      }),
    };
  }

  /** Rows were found after all: those of the claim are to be hidden again, as from the beginning. */
  async reopen({ claim }: ClaimedPurge): Promise<void> {
    await this.postgres.run((db) =>
      db.update(visitorErasures).set({ hiddenAt: null, claimedUntil: null }).where(eq(visitorErasures.claim, claim)),
    );
  }
}
