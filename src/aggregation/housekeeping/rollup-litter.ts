// Which derived rows does nobody point at? Those of steps that were cut short, and of versions that were replaced.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { HOUR_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Postgres } from '../../platform/postgres/postgres';
import { pointedVersions } from '../versions';
import { ChoreNotes } from './chore-notes';
import { deleteCopies, deleteVersions, versionsWithRows } from './housekeeping.queries';

const CHORE = 'sweep-rollups';
/** A step that writes rows points at them within minutes, and a reader that saw a pointer is done with it within minutes. */
const RIPE_MS = HOUR_MS;
/** Remembered from one run to the next; the rest has its turn later. */
const MOST = 50_000;
/** Versions of one statement. */
const TOGETHER = 5_000;

@Injectable()
export class RollupLitter {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly postgres: Postgres,
    private readonly notes: ChoreNotes,
    private readonly clock: Clock,
  ) {}

  /** Deletes rows of versions that had no pointer an hour ago and have none now, and remembers those that have none now.
   *  @returns how many versions were deleted; undefined: the last look is younger than an hour */
  async run(): Promise<number | undefined> {
    const now = this.clock.now();
    const note = (await this.notes.of(CHORE)).get('');
    if (note !== undefined && note.at > now - RIPE_MS) return undefined;
    const unpointed = await this.#unpointed();
    const before = new Set(Array.isArray(note?.detail) ? (note.detail as number[]) : []);
    const litter = unpointed.filter((version) => before.has(version));
    for (let at = 0; at < litter.length; at += TOGETHER) {
      const versions = litter.slice(at, at + TOGETHER);
      for (const table of ['sampled_events', 'event_sequences'] as const)
        await this.clickhouse.run(deleteCopies(table, versions), { background: true });
      // Totals last: a version whose totals are gone is not found again.
      for (const table of ['rollup_values', 'rollup_totals'] as const)
        await this.clickhouse.run(deleteVersions(table, versions), { background: true });
    }
    const left = unpointed.filter((version) => !before.has(version)).slice(0, MOST);
    await this.notes.done(CHORE, now, { detail: left });
    return litter.length;
  }

  /** Versions with rows and without a pointer, lowest first. The rows are looked at first: a pointer that is set in between counts. */
  async #unpointed(): Promise<number[]> {
    const rows = await this.clickhouse.rows<{ version: number }>(versionsWithRows, {
      purpose: CHORE,
      background: true,
    });
    const kept = new Set(await pointedVersions(this.postgres));
    return rows
      .map(({ version }) => version)
      .filter((version) => !kept.has(version))
      .sort((a, b) => a - b);
  }
}
