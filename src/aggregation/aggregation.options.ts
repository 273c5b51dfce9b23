// How eager is deriving? Every measure of time and size in one place, so that a test can make them small.
import { Injectable } from '@nestjs/common';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../common/time-range';
import { ChangeTimes } from '../events';
import { MONTH_SIZES } from './months/months.queries';

/** Places at which deriving can be cut short and must be able to begin again. */
export type Step = 'began' | 'looked' | 'written' | 'committing' | 'committed';

@Injectable()
export class AggregationOptions {
  /** From the announcement of a horizon until the events before it are read; why so long: `ChangeTimes.graceMs`. */
  graceMs: number;
  /** A horizon stays this far behind the clock, so that events that are a little late are not late events. */
  lagMs = 5 * MINUTE_MS;
  /** So many stored events move a project's horizon at the next quarter hour; */
  busyEvents = 500;
  /** with fewer, it moves this long after the first of them. */
  quietMs = DAY_MS;
  /** A finished day becomes one cell when no session of it is open any more, or after this long. */
  settleMs = 6 * HOUR_MS;
  /** Of a project with fewer events nothing is derived: all of them are read in the time of a chart. */
  fewestOfProject = 30_000;
  /** How often projects are counted of which nothing is derived yet. */
  countEveryMs = MINUTE_MS;
  /** With fewer events in a cell raw ones are as quick as its rows, and smaller. */
  fewestEvents = 100;
  /** Of one in so many visitors, a power of two, events are kept a second time in their order: enough for samples of a hundred million events.
   *  That is a seventh of a byte for each event of the project. */
  copyOf = 128;
  /** Of a cell with fewer events none: what a sample reads of it lies in a granule or two of `events`. */
  fewestCopied = 10_000;
  /** Of a cell with more events no sequences are kept: one statement writes them, and must end soon. */
  mostSequenced = 2_000_000;
  /** Of two days with fewer events each, visitors of the days across their end are not counted beforehand: their hours' states are small. */
  fewestRolling = 10_000;
  /** Of a month with fewer events the cells are not added up: their states are small. */
  fewestOfMonth = 300_000;
  monthSizes = MONTH_SIZES;
  /** So long a chore that has much to do works before others have their turn. */
  choreTurnMs = 40 * SECOND_MS;
  /** Days with little in them are derived together, until so much time is used; then others have their turn. */
  turnMs = 500;
  /** After its turn a rebuild rests for as long as that took, so that it uses at most half a core; at most this long. */
  longestRestMs = 30 * SECOND_MS;
  /** A project whose rebuild failed waits this long. */
  afterFailureMs = MINUTE_MS;
  /** Told of each step; a test ends the work by throwing. */
  onStep: (step: Step, project: number) => void | Promise<void> = () => undefined;

  constructor(times: ChangeTimes) {
    this.graceMs = times.graceMs;
  }
}
