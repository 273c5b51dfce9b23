// How many events does a range hold, about? What was counted when they were derived: so that a question knows whether a sample will do.
import { Injectable } from '@nestjs/common';
import { RollupSnapshots } from '../aggregation';
import type { TimeRange } from '../common/time-range';
import { isAboutVisitors, sampleOf } from './spread';
import type { Precision } from './stats.types';

@Injectable()
export class Volumes {
  constructor(private readonly snapshots: RollupSnapshots) {}

  /** One of how many visitors to read for a question; undefined: all of them.
   *  @param question as data, with its project's number
   *  @param read the range that it reads, and `zone` the project's zone
   *  @param most rows that it reads at once without a sample
   *  @throws storeUnavailable */
  async sampleFor(
    question: { readonly project: number; readonly precision?: Precision | undefined },
    zone: string,
    read: TimeRange,
    most: number,
  ): Promise<number | undefined> {
    if (question.precision === 'exact' || isAboutVisitors(question)) return undefined;
    return sampleOf(await this.eventsIn(question.project, zone, read), most);
  }

  /** Events in the range, about; 0 where nobody counted them.
   *  @param project its number, and `zone` its zone
   *  @throws storeUnavailable */
  async eventsIn(project: number, zone: string, range: TimeRange): Promise<number> {
    if (range.from >= range.to) return 0;
    const snapshot = await this.snapshots.of(project, zone, range);
    return (snapshot?.cells ?? []).reduce((sum, cell) => sum + cell.events * shareOf(cell, range), 0);
  }
}

const shareOf = (cell: TimeRange, { from, to }: TimeRange): number =>
  (Math.min(cell.to, to) - Math.max(cell.from, from)) / (cell.to - cell.from);
