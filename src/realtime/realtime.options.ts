// How quick and how large may the live view be? Every measure of time and size in one place, so that a test can make them small.
import { Injectable } from '@nestjs/common';
import { MINUTE_MS, SECOND_MS } from '../common/time-range';

const MEGABYTE = 1_048_576;

@Injectable()
export class RealtimeOptions {
  /** Streams that may be open at once: with one key, of one project, in one process. */
  streamsPerKey = 1_000;
  streamsPerProject = 2_000;
  streamsPerProcess = 10_000;

  /** Whoever stores events looks at most this long ago who wants to hear of them. */
  interestMs = 500;
  /** A project's first stream in a process waits until every writer must know of it: longer than `interestMs`. */
  settleMs = 700;
  /** A process that does not say again that it has streams of a project is forgotten after this long. */
  leaseMs = 15 * SECOND_MS;
  renewEveryMs = 5 * SECOND_MS;

  /** What a project's streams got is kept for resumption so long and so large, and for as long after the last stream closed. */
  keptMs = 5 * MINUTE_MS;
  keptBytes = 32 * MEGABYTE;
  keptBytesOfProcess = 128 * MEGABYTE;
  /** A reader that leaves more than this unread is dropped. */
  unreadBytes = MEGABYTE;
  /** Messages that come within this time are written together: a write to a socket costs more than what is in it. */
  gatherMs = 100;

  statsEveryMs = SECOND_MS;
  /** Figures that were counted on in memory are worked out anew from the warehouse this often. */
  refreshEveryMs = 10 * SECOND_MS;
  /** And this often while events come of which it is not known whether they were in it: those that waited for the warehouse. */
  catchUpEveryMs = 2 * SECOND_MS;
  heartbeatEveryMs = 15 * SECOND_MS;
  /** How often it is asked whether the keys of open streams still work; the contract allows 5 s. */
  keysEveryMs = 2 * SECOND_MS;

  ticketMs = MINUTE_MS;
}
