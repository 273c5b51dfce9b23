// How many events does a range hold, about, and what of them is kept a second time? What is known of cells: so that a question knows whether
// a sample will do, and where to read it.
import { Injectable, Optional } from '@nestjs/common';
import { type RollupSnapshot, RollupSnapshots } from '../aggregation';
import { coalesce, DAY_MS, type TimeRange, without } from '../common/time-range';
import { ChangeLog } from '../events/changes';
import { type Copies, type Sample, sequenceParts, type SequenceParts, type Sequences } from '../events/query';
import { isAboutVisitors, sampleOf } from './spread';
import type { Precision } from './stats.types';

/** Copies are in the order of visitors: of a shorter range `events` hold less to read (a month: 170 ms of CPU, of copies 220). */
const SHORTEST_MS = 60 * DAY_MS;

/** What is known of a range. */
export interface Volume {
  /** Events, about; 0 where nobody counted them. */
  readonly events: number;
  /** A sample, and where it is read. @param of one of so many visitors; undefined: all of them, which is no sample */
  readonly sample: (of: number | undefined) => Sample | undefined;
  /** Cells whose events are kept as sequences. */
  readonly sequences: Sequences | undefined;
}

/** How a question about an order of events is read. */
export interface SequenceReading {
  readonly kept: SequenceParts;
  readonly sample: Sample | undefined;
}

@Injectable()
export class Volumes {
  constructor(
    private readonly snapshots: RollupSnapshots,
    @Optional() private readonly changes?: ChangeLog,
  ) {}

  /** Of shorter ranges nothing is read from copies; a test makes it less. */
  shortestMs = SHORTEST_MS;

  /** The visitors to read for a question; undefined: all of them.
   *  @param question as data, with its project's number
   *  @param read the range that it reads, and `zone` the project's zone
   *  @param most rows that it reads at once without a sample
   *  @throws storeUnavailable */
  async sampleFor(
    question: { readonly project: number; readonly precision?: Precision | undefined },
    zone: string,
    read: TimeRange,
    most: number,
  ): Promise<Sample | undefined> {
    if (question.precision === 'exact' || isAboutVisitors(question)) return undefined;
    const volume = await this.of(question.project, zone, read);
    return volume.sample(sampleOf(volume.events, most));
  }

  /** How a question is read that sequences tell all of, and that does not mind events around its range; undefined: there are none of this range.
   *  @param most events that it reads at once without a sample; the rest as for `sampleFor`
   *  @throws storeUnavailable */
  async sequencesFor(
    question: {
      readonly project: number;
      readonly precision?: Precision | undefined;
      readonly since?: number | undefined;
    },
    zone: string,
    read: TimeRange,
    most: number,
  ): Promise<SequenceReading | undefined> {
    const { events, sequences } = await this.of(question.project, zone, read);
    const kept = sequences && sequenceParts(sequences, read, question.since);
    if (kept === undefined) return undefined;
    const of = question.precision === 'exact' || isAboutVisitors(question) ? undefined : sampleOf(events, most);
    return { kept, sample: of === undefined ? undefined : { of } };
  }

  /** What is known of a range, as of one moment.
   *  @param project its number, and `zone` its zone
   *  @throws storeUnavailable */
  async of(project: number, zone: string, range: TimeRange): Promise<Volume> {
    // What is owed to Postgres is in raw events alone; asked first, as it may be paid meanwhile.
    const owes = this.changes?.owes(project) === true;
    const isShort = range.to - range.from < this.shortestMs;
    const snapshot = range.from >= range.to ? undefined : await this.snapshots.of(project, zone, range);
    return {
      events: (snapshot?.cells ?? []).reduce((sum, cell) => sum + cell.events * shareOf(cell, range), 0),
      sample: (of) =>
        of === undefined
          ? undefined
          : { of, copies: snapshot === undefined || owes || isShort ? undefined : copiesOf(snapshot, of) },
      sequences: snapshot === undefined || owes ? undefined : sequencesOf(snapshot),
    };
  }
}

const shareOf = (cell: TimeRange, { from, to }: TimeRange): number =>
  (Math.min(cell.to, to) - Math.max(cell.from, from)) / (cell.to - cell.from);

/** Copies that hold such a sample. Of what changed since they were made nothing is taken: any event, and nothing else, may be missing there. */
const copiesOf = ({ cells, stale }: RollupSnapshot, sample: number): Copies | undefined => {
  const copied = cells.flatMap((cell) =>
    cell.copy === undefined || cell.copy.of > sample ? [] : [{ ...cell, version: cell.copy.version }],
  );
  if (copied.length === 0) return undefined;
  return { stretches: without(coalesce(copied), stale), versions: copied.map(({ version }) => version) };
};

const sequencesOf = ({ cells, stale }: RollupSnapshot): Sequences => ({
  cells: cells.flatMap(({ from, to, copy }) => (copy?.sequences === true ? [{ from, to, version: copy.version }] : [])),
  stale,
});
