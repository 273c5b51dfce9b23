// What happens to a request that brings events? From a list of values to one answer that says what became of each.
import { Injectable } from '@nestjs/common';
import { EventThrottle } from '../../auth';
import { Clock } from '../../common/clock';
import { newId } from '../../common/ids';
import { type FieldError } from '../../common/problem';
import { DAY_MS } from '../../common/time-range';
import { Geo } from '../../platform/geo/geo';
import { Metrics } from '../../platform/metrics/metrics';
import { UsageRecorder } from '../../projects';
import type { Project } from '../../projects/projects.types';
import { ErasedVisitors } from '../erasure/erased-visitors';
import {
  encodeRow,
  filter,
  type FilterReason,
  ingestEvent,
  type IngestContext,
  type Outcome,
  sampling,
  type Warning,
} from '../pipeline';
import type { Entry, Reject } from './block';
import { BlockWriter } from './block-writer';
import { type EventList, UnreadEvent } from './body';
import { IngestSteps } from './ingest-steps';
import { toReject } from './rejects';
import { Salts } from './salts';
import { eachInTurn } from './turns';

/** A request, as far as events are concerned. */
export interface IngestRequest {
  readonly project: Project;
  /** Whether the key may speak for somebody else's connection. */
  readonly trusted: boolean;
  readonly address: string;
  readonly userAgent: string;
  readonly list: EventList;
  /** Size after decoding. */
  readonly bytes: number;
  /** Check and describe, keep nothing. */
  readonly dryRun: boolean;
}

/** What became of the events, by their index in the request. */
export interface IngestAnswer {
  accepted: number;
  duplicates: number;
  filtered: { index: number; reason: FilterReason }[];
  rejected: { index: number; id?: string; code: string; errors: readonly FieldError[] }[];
  warnings: (Warning & { index: number })[];
}

/** One run in so many is timed: two clock reads a step would cost more than most steps. */
const TIMED_RUNS = 64;

/** What is no id may be ten megabytes long; nobody needs it back. */
const LONGEST_ID = 200;

@Injectable()
export class IngestService {
  readonly #observer = sampling(
    TIMED_RUNS,
    () => Number(process.hrtime.bigint()),
    (step, _result, ns) => {
      if (ns !== undefined) this.metrics.ingestStepSeconds.observe({ step }, ns / 1e9);
    },
  );

  constructor(
    private readonly steps: IngestSteps,
    private readonly salts: Salts,
    private readonly geo: Geo,
    private readonly writer: BlockWriter,
    private readonly throttle: EventThrottle,
    private readonly usage: UsageRecorder,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    private readonly erased: ErasedVisitors,
  ) {}

  /** Takes events in.
   *  @returns what became of each, and where those that were accepted are
   *  @throws tooManyRequests, storeUnavailable, spoolFull; then nothing of the request is kept */
  async ingest(request: IngestRequest): Promise<{ answer: IngestAnswer; where: 'stored' | 'spooled' }> {
    const { project, list, dryRun } = request;
    const receivedAt = this.clock.now();
    if (!dryRun && list.events.length > 0) this.throttle.take(project, list.events.length);
    const outcomes = await this.#withoutErased(project.number, await this.#run(request, receivedAt));

    const answer: IngestAnswer = { accepted: 0, duplicates: 0, filtered: [], rejected: [], warnings: [] };
    const entries: Entry[] = [];
    const indexes: number[] = [];
    const rejects: Reject[] = [];
    await eachInTurn(outcomes.entries(), ([index, outcome]) => {
      if (outcome.kind === 'filtered') answer.filtered.push({ index, reason: outcome.reason });
      else if (outcome.kind === 'rejected') {
        const { code, errors } = outcome;
        const event = list.events[index];
        const id = (event as { id?: unknown } | null)?.id;
        answer.rejected.push({
          index,
          ...(typeof id === 'string' ? { id: id.slice(0, LONGEST_ID) } : {}),
          code,
          errors,
        });
        rejects.push(toReject(project, event instanceof UnreadEvent ? event.text : event, code, errors, receivedAt));
      } else {
        outcome.row.seq = index;
        entries.push(toEntry(outcome));
        indexes.push(index);
        for (const remark of outcome.warnings) answer.warnings.push({ index, ...remark });
      }
    });
    if (dryRun || entries.length + rejects.length === 0) {
      answer.accepted = entries.length;
      if (!dryRun) this.#count(request, answer);
      return { answer, where: 'stored' };
    }

    const { where, fates } = await this.writer.submit(entries, rejects);
    for (const [at, fate] of fates.entries()) {
      if (fate === 'accepted') answer.accepted += 1;
      else if (fate === 'duplicate') answer.duplicates += 1;
      else answer.rejected.push({ index: indexes[at]!, id: entries[at]!.id, code: 'refused_by_store', errors: [] });
    }
    this.#count(request, answer);
    return { answer, where };
  }

  async #run(request: IngestRequest, receivedAt: number): Promise<Outcome[]> {
    const { project, list } = request;
    const missing = new Set<string>();
    const erasedAt = this.erased.lookUp(project.number);
    const { retentionDays } = project.settings;
    const context: IngestContext = {
      project,
      receivedAt,
      ...(list.sentAt === undefined ? {} : { sentAt: list.sentAt }),
      retainedFrom: retentionDays === null ? -Infinity : receivedAt - retentionDays * DAY_MS,
      address: request.address,
      userAgent: request.userAgent,
      trusted: request.trusted,
      saltOf: (day) => {
        const salt = this.salts.get(day);
        if (salt === undefined) missing.add(day);
        return salt;
      },
      geo: (address) => this.geo.lookup(address),
      newId,
      ...(erasedAt === undefined ? {} : { erasedAt }),
    };
    const run = async (): Promise<Outcome[]> => {
      const outcomes: Outcome[] = [];
      await eachInTurn(list.events, (event) => outcomes.push(this.#one(event, context)));
      return outcomes;
    };
    const outcomes = await run();
    if (missing.size === 0) return outcomes;
    // Rare: the first derived visitor of a day. The steps are pure, so they are simply run again with the salt at hand.
    await this.salts.load([...missing]);
    return run();
  }

  /** Of a visitor who was erased and came back an event may come again whose time the server sets: its id tells that it is old. */
  async #withoutErased(project: number, outcomes: Outcome[]): Promise<Outcome[]> {
    const erasedAt = this.erased.lookUp(project);
    if (erasedAt === undefined) return outcomes;
    const isDoubtful = (outcome: Outcome): outcome is Extract<Outcome, { kind: 'event' }> =>
      outcome.kind === 'event' &&
      outcome.idGiven &&
      [outcome.row.visitor_id, outcome.row.user_id].some((hash) => erasedAt(hash) !== undefined);
    const ids = outcomes.filter(isDoubtful).map(({ row }) => row.event_id);
    if (ids.length === 0) return outcomes;
    const gone = await this.erased.findEvents(project, ids);
    return outcomes.map((outcome) =>
      isDoubtful(outcome) && gone.has(outcome.row.event_id) ? filter('erased_visitor') : outcome,
    );
  }

  #one(event: unknown, context: IngestContext): Outcome {
    if (event instanceof UnreadEvent) return { kind: 'rejected', code: 'invalid_event', errors: [event.fault] };
    return ingestEvent(event, context, this.steps.all, this.#observer);
  }

  #count(
    { project, bytes }: IngestRequest,
    { accepted, duplicates, filtered, rejected, warnings }: IngestAnswer,
  ): void {
    this.usage.add(project.id, { events: accepted, rejected: rejected.length, duplicates, bytes });
    this.metrics.countEvents('accepted', accepted);
    this.metrics.countEvents('duplicate', duplicates);
    for (const { reason } of filtered) this.metrics.countEvents('filtered', 1, reason);
    for (const { code } of rejected) this.metrics.countEvents('rejected', 1, code);
    for (const { code } of warnings) this.metrics.countEvents('warned', 1, code);
  }
}

const toEntry = ({ row, idGiven, keyStable }: Extract<Outcome, { kind: 'event' }>): Entry => ({
  project: row.project_id,
  id: row.event_id,
  idGiven,
  keyStable,
  at: row.ts,
  visitor: row.visitor_id,
  user: row.user_id,
  line: encodeRow(row),
});
