// Has this question been answered already, and does the answer still hold? Then it is not asked again. An event that was acknowledged is
// never hidden: an answer is kept under the version of what it was read from, which is looked at before each use.
import { Injectable } from '@nestjs/common';
import { Env } from '../../config/env';
import { ChangeLog } from '../../events/changes';
import type { Caller } from '../../platform/http/caller';
import { Metrics } from '../../platform/metrics/metrics';
import { StatsRepository } from '../stats.repository';
import type { StatsAnswer, StatsQuery } from '../stats.types';
import type { Asker } from './asker';
import { DataVersions, type DerivedVersion, isCurrent } from './data-version';
import { Flights } from './flights';
import { answerOf, type KeptAnswer, KeptAnswers } from './kept-answers';
import { questionKey } from './question-key';
import { SharedAnswers } from './shared-answers';
import type { CacheState } from './timing';

const MIB = 1024 * 1024;

/** What was known of the data before a question was put. */
interface Known extends DerivedVersion {
  readonly raw: string | undefined;
}

/** A question, its name, and what was known when it was put. */
interface Question {
  readonly key: string;
  readonly query: StatsQuery;
  readonly zone: string;
  readonly known: Known;
}

interface Found {
  readonly answer: StatsAnswer;
  readonly state: CacheState;
  /** Whether derived rows said it all: then nothing counts but the revision. */
  readonly settled: boolean;
}

@Injectable()
export class AnswerCache {
  readonly #kept: KeptAnswers | undefined;
  readonly #flights = new Flights<Known, Found>();

  constructor(
    private readonly stats: StatsRepository,
    private readonly versions: DataVersions,
    private readonly shared: SharedAnswers,
    private readonly changes: ChangeLog,
    private readonly metrics: Metrics,
    env: Env,
  ) {
    if (env.STATS_CACHE_MB > 0) this.#kept = new KeptAnswers(env.STATS_CACHE_MB * MIB, metrics);
  }

  /** The answer to a question: a kept one where that still holds, that of somebody who asked the same a moment ago, or a new one.
   *  @param zone of the project
   *  @throws storeUnavailable, queryTooLarge, and what else `StatsRepository.answer` throws */
  async answer(query: StatsQuery, zone: string, asker: Asker): Promise<StatsAnswer> {
    const kept = this.#kept;
    // What it cost is a question about this very time. And where this process owes a mark, no version tells what is stored.
    if (kept === undefined || query.explain === true || asker.fresh || this.changes.owes(query.project)) {
      const answer = await this.stats.answer(query, zone, asker);
      this.#count('bypass', answer, asker);
      return answer;
    }
    const key = questionKey(query, zone);
    for (let joins = true; ; joins = false) {
      const began = performance.now();
      const held = kept.get(key);
      // History does not depend on raw events: nobody looks at them.
      const needsRaw = held === undefined || held.version.raw !== null;
      const [derived, early] = await Promise.all([
        this.versions.derivedOf(query, zone),
        needsRaw ? this.versions.rawOf(query) : undefined,
      ]);
      if (held !== undefined && isCurrent(held.version, derived.revision, early)) {
        const answer = answerOf(held);
        this.#count('hit', answer, asker, performance.now() - began);
        return answer;
      }
      const raw = needsRaw ? early : await this.versions.rawOf(query);
      const lookMs = performance.now() - began;
      const found = await this.#asked(kept, { key, query, zone, known: { ...derived, raw } }, asker, joins);
      if (found === undefined) continue;
      this.#count(found.state, found.answer, asker, lookMs);
      return found.answer;
    }
  }

  /** The answer of a flight, whose version is the one that is known now; undefined: it is not, after all. */
  async #asked(kept: KeptAnswers, question: Question, asker: Asker, joins: boolean): Promise<Found | undefined> {
    const { key, known } = question;
    const flying = joins ? this.#flights.of(key) : undefined;
    if (flying === undefined || !isSame(flying.about, known)) {
      const { requestId } = asker;
      const work = (signal: AbortSignal): Promise<Found> => this.#find(kept, question, { requestId, signal });
      return this.#flights.begin(key, known, work).wait(asker.signal);
    }
    const found = await flying.flight.wait(asker.signal);
    const holds = found.settled || (known.raw !== undefined && known.raw === flying.about.raw);
    return holds ? { ...found, state: 'joined' } : undefined;
  }

  async #find(kept: KeptAnswers, { key, query, zone, known }: Question, caller: Caller): Promise<Found> {
    const shared = await this.shared.get(key);
    if (shared !== undefined && isCurrent(shared.version, known.revision, known.raw)) {
      kept.set(key, shared);
      return { answer: answerOf(shared), state: 'shared', settled: shared.version.raw === null };
    }
    const { cost, ...answer } = await this.stats.answer(query, zone, caller);
    const settled = known.settled && answer.derived === true;
    const raw = settled ? null : known.raw;
    if (raw !== undefined) {
      const entry: KeptAnswer = { version: { revision: known.revision, raw }, json: JSON.stringify(answer) };
      kept.set(key, entry);
      this.shared.set(key, entry);
    }
    return { answer: { ...answer, ...(cost === undefined ? {} : { cost }) }, state: 'miss', settled };
  }

  #count(state: CacheState, { cost }: StatsAnswer, { timing }: Asker, lookMs?: number): void {
    this.metrics.statsAnswers.inc({ cache: state });
    timing.answered(state, cost, lookMs);
  }
}

/** Whether an answer that is on its way is read from what is there now. Of history the revision tells; whether it was history is seen
 *  when the answer is there. */
const isSame = (flying: Known, now: Known): boolean =>
  flying.revision === now.revision && (now.settled || (now.raw !== undefined && now.raw === flying.raw));
