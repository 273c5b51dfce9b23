// Does an answer still hold? What it was read from has a version, and this says which one it is now.
import { Injectable } from '@nestjs/common';
import { sql as postgresSql } from 'drizzle-orm';
import { Env } from '../../config/env';
import { eventHorizons, staleRanges, timestamptz } from '../../events/changes';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Postgres } from '../../platform/postgres/postgres';
import { planOf } from '../stats.plan';
import type { StatsQuery } from '../stats.types';
import { monthsOf, type PartName, rawParts, stateOf } from './data-version.queries';
import { FAR_MS } from '../rolled/rolled.repository';

/** What is derived of a project, by its number. */
export interface DerivedVersion {
  /** Another one after every change of what is derived, and of what is known to be stale. */
  readonly revision: number;
  /** Whether derived rows are all that a question's range needs: it ends before anything that may still go on, and nothing in or around
   *  it waits to be derived again. So nothing changes it but what changes the revision as well. */
  readonly settled: boolean;
}

/** What an answer depends on. */
export interface DataVersion {
  readonly revision: number;
  /** The state of the raw events; null: the answer has nothing of them that the revision does not tell. */
  readonly raw: string | null;
}

/** Whoever looks must not wait for long: without a version the answer is worked out, and that is all. */
const LOOK_TIMEOUT_MS = 2_000;

@Injectable()
export class DataVersions {
  constructor(
    private readonly postgres: Postgres,
    private readonly clickhouse: ClickHouse,
    private readonly env: Env,
  ) {}

  /** The version of what is derived; some 1 ms.
   *  @param zone of the project, whose local days derived rows follow
   *  @throws storeUnavailable */
  async derivedOf({ project, range }: StatsQuery, zone: string): Promise<DerivedVersion> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ revision: string; settled: boolean | null }>(postgresSql`
        SELECT horizon.revision,
          horizon.zone = ${zone} AND least(horizon.horizon, horizon.open_from) >= ${timestamptz(range.to)} AND NOT EXISTS (
            SELECT FROM ${staleRanges} AS stale
            WHERE stale.project = ${project} AND stale."from" < ${timestamptz(range.to + FAR_MS)} AND stale."to" > ${timestamptz(range.from - FAR_MS)}
          ) AS settled
        FROM ${eventHorizons} AS horizon WHERE horizon.project = ${project}`),
    );
    const [row] = rows;
    return row === undefined
      ? { revision: 0, settled: false }
      : { revision: Number(row.revision), settled: row.settled === true };
  }

  /** The state of the raw events that a question may read: another one after every insert and every deletion, the same after a merge; 1
   *  to 3 ms.
   *  @returns undefined where it can't be told: replicas know of their own parts alone, a deletion is half done, or the engine does not
   *    answer. Never throws */
  async rawOf(query: StatsQuery): Promise<string | undefined> {
    if (this.env.CLICKHOUSE_CLUSTER !== undefined) return undefined;
    // A session may begin or end in any month.
    const months = planOf(query).needs.sessions ? undefined : monthsOf(query.range);
    try {
      const parts = await this.clickhouse.rows<PartName>(rawParts(months), {
        purpose: 'stats_version',
        urgent: true,
        timeoutMs: LOOK_TIMEOUT_MS,
      });
      return stateOf(parts);
    } catch {
      return undefined;
    }
  }
}

/** Whether what an answer was read from is as it was. @param raw undefined: nobody knows */
export const isCurrent = (kept: DataVersion, revision: number, raw: string | undefined): boolean =>
  kept.revision === revision && (kept.raw === null || kept.raw === raw);
