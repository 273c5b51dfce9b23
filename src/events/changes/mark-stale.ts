// How does anyone say that events of a stretch of time changed, or will? For who derives, erases, forgets or changes a zone.
import { Injectable } from '@nestjs/common';
import type { TimeRange } from '../../common/time-range';
import { ChangesRepository } from './changes.repository';

@Injectable()
export class MarkStale {
  constructor(private readonly changes: ChangesRepository) {}

  /** Marks ranges of a project as stale, durably. Where events go, mark before, and wide: see `cellsAroundGone`.
   *  @param project its number
   *  @param untilMs how long from now the change may be under way; 0: it is done
   *  @throws storeUnavailable; then nothing, or a part, is marked */
  async mark(project: number, ranges: readonly TimeRange[], { untilMs = 0 } = {}): Promise<void> {
    await this.changes.mark(
      ranges.map(({ from, to }) => ({ project, from, to })),
      untilMs,
    );
  }
}
