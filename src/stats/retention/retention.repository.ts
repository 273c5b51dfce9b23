// How do answers about who comes back come out of the warehouse? From raw events: from all of them, or from a sample of visitors.
import { Injectable } from '@nestjs/common';
import type { TimeRange } from '../../common/time-range';
import { findSessionScan, sampleTable } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { type Cost, Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import type { Sql } from '../../platform/clickhouse/sql';
import { Volumes } from '../volumes';
import { lifecycleSql, periodsSpan, stickinessSql } from './activity.queries';
import { cohortsSql, historyOf, needsOf, ofKey, type Reading, topKeys } from './retention.queries';
import type {
  ActivityQuestion,
  CohortAnswer,
  LifecycleRow,
  RetentionQuestion,
  Sampled,
  StickinessRow,
} from './retention.types';

/** Rows that are read at once; cutting sessions costs several times as much as looking at events. Cohorts read all of the history, and of
 *  each of its days a block of rows however few of them are wanted: that leaves less time for the rows themselves. */
const PLAIN_ROWS = 1_000_000;
const SESSION_ROWS = 400_000;

/** Rows of an answer, and what they cost. */
export type Costed<T> = T & { readonly cost: Cost };

@Injectable()
export class RetentionRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly volumes: Volumes,
  ) {}

  /** Who came back, of those who began in each period.
   *  @throws storeUnavailable, queryTooLarge; invalidInput for a pattern that RE2 does not take */
  async cohorts(question: RetentionQuestion, caller?: Caller): Promise<Costed<CohortAnswer>> {
    return this.#answer('retention', question, historyOf(question), caller, async (reading, run) => {
      const keys =
        question.breakdown === undefined
          ? undefined
          : (await run<{ key: string }>(topKeys(question, reading))).map(({ key }) => key);
      const rows = await run<Record<string, unknown>>(cohortsSql(question, reading, keys));
      return {
        rows: rows.map((row) => ({
          cohort: Number(row['cohort']) - 1,
          ...valueOf(keys, String(row['key'])),
          part: Number(row['part']),
          size: Number(row['size']),
          cells: row['cells'] as number[],
          doubled: Number(row['doubled']),
        })),
        ...(keys === undefined ? {} : { values: keys.map((key) => ofKey(key) ?? null) }),
      };
    });
  }

  /** What visitors were in each period, to those before. Its periods have one before the first row. @throws as `cohorts` */
  async lifecycle(question: ActivityQuestion, caller?: Caller): Promise<Costed<Sampled & { rows: LifecycleRow[] }>> {
    return this.#answer('lifecycle', question, historyOf(question), caller, async (reading, run) => {
      const rows = await run<LifecycleRow>(lifecycleSql(question, reading));
      return { rows: rows.map((row) => ({ ...row, period: row.period - 2 })) };
    });
  }

  /** On how many days visitors were active in each period. @throws as `cohorts` */
  async stickiness(question: ActivityQuestion, caller?: Caller): Promise<Costed<Sampled & { rows: StickinessRow[] }>> {
    return this.#answer('stickiness', question, periodsSpan(question), caller, async (reading, run) => {
      const rows = await run<StickinessRow>(stickinessSql(question, reading));
      return { rows: rows.map((row) => ({ ...row, period: row.period - 1 })) };
    });
  }

  async #answer<T extends object>(
    purpose: string,
    question: ActivityQuestion,
    read: TimeRange,
    caller: Caller | undefined,
    rows: (reading: Reading, run: <R>(query: Sql) => Promise<R[]>) => Promise<T>,
  ): Promise<Costed<Sampled & T>> {
    const reads = new Reads(this.clickhouse, question.project, caller);
    const { sessions } = needsOf(question);
    const until = { from: read.from, to: Math.min(read.to, question.now) };
    const most = sessions ? SESSION_ROWS : PLAIN_ROWS;
    const sample = await this.volumes.sampleFor(question, question.homeZone, until, most);
    const scan = sessions
      ? await findSessionScan(reads.of(`${purpose}_sessions`, 'events'), question.project, read, sample)
      : undefined;
    const found = await rows({ scan, sample }, reads.of(purpose, sampleTable(sample)));
    const cost = reads.cost();
    return {
      ...found,
      ...(sample === undefined ? {} : { sample: sample.of }),
      account: question.explain === true ? { explain: cost } : {},
      cost,
    };
  }
}

/** The value of a row: none where there is no breakdown, and none for the rows of `other`. */
const valueOf = (keys: readonly string[] | undefined, key: string): { value?: string | null } => {
  const value = keys === undefined ? undefined : ofKey(key);
  return value === undefined ? {} : { value };
};
