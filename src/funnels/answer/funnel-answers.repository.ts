// How do a funnel's figures come out of the warehouse? From all events that matter, or from those of a sample of visitors.
import { Injectable } from '@nestjs/common';
import { timesAmount } from '../../common/money';
import { findSessionScan, sampleTable } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import { type Account, meanError, type Money, SPREAD, sumError, Volumes } from '../../stats';
import type {
  Attempt,
  AttemptsWish,
  FunnelAnswer,
  FunnelFigures,
  FunnelQuestion,
  StepFigures,
  StepTimes,
} from '../funnel.types';
import {
  type AttemptRow,
  attemptsSql,
  FIGURES_SETTINGS,
  figuresSql,
  type Histogram,
  OF_BUCKET,
  OF_VALUE,
  type StepRow,
} from './figures.queries';
import { HISTOGRAM_EDGES } from './histogram';
import { isToldByKept } from './kept-sequences.queries';
import { type FunnelReading, needsOf, reachOf } from './sequence.queries';

/** Events that a funnel reads at once in some 300 ms. Sequences without a gap hold every event, and sessions must be cut first. */
const MOST_ROWS = 500_000;
const MOST_WHOLE_ROWS = 250_000;

@Injectable()
export class FunnelAnswers {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly volumes: Volumes,
  ) {}

  /** Figures of a funnel.
   *  @param zone of the project
   *  @throws storeUnavailable, queryTooLarge; invalidInput for a pattern that RE2 does not take */
  async answer(question: FunnelQuestion, zone: string, caller?: Caller): Promise<FunnelAnswer> {
    const reads = new Reads(this.clickhouse, question.project, caller);
    const reading = await this.#reading(question, zone, reads);
    const { sample } = reading;
    const rows = together(
      question,
      await reads.of('funnel', tableOf(reading), FIGURES_SETTINGS)<StepRow>(figuresSql(question, reading)),
    );
    const answer = toAnswer(question, rows, sample?.of ?? 1);
    const account: Account = {
      ...(sample === undefined ? {} : estimated(question, rows, sample.of)),
      ...(question.explain === true ? { explain: reads.cost() } : {}),
    };
    return { ...answer, account };
  }

  /** A page of units with their attempts, the newest start first. A list is never of a sample. @throws as `answer` */
  async attempts(
    question: FunnelQuestion,
    zone: string,
    wish: AttemptsWish,
    caller?: Caller,
  ): Promise<readonly Attempt[]> {
    const reads = new Reads(this.clickhouse, question.project, caller);
    const reading = await this.#reading({ ...question, precision: 'exact' }, zone, reads);
    const rows = await reads.of(
      'funnel_attempts',
      tableOf(reading),
    )<AttemptRow & { unit: string }>(attemptsSql(question, wish, reading));
    return rows.map(({ visitor, unit, began, reached, times }) => ({
      visitor,
      ...(question.countBy === 'session' ? { sessionBeganAt: began } : {}),
      unit,
      events: reached.map((step, at) => ({ step, at: times[at] ?? 0 })),
    }));
  }

  async #reading(question: FunnelQuestion, zone: string, reads: Reads): Promise<FunnelReading> {
    const reach = reachOf(question);
    const read = { from: Math.max(reach.from, question.since ?? reach.from), to: reach.to };
    const kept = isToldByKept(question) ? await this.volumes.sequencesFor(question, zone, read, MOST_ROWS) : undefined;
    if (kept !== undefined) return kept;
    const { sessions } = needsOf(question);
    const most = question.mode === 'strict' || sessions ? MOST_WHOLE_ROWS : MOST_ROWS;
    const sample = await this.volumes.sampleFor(question, zone, read, most);
    if (!sessions) return { sample };
    return {
      sample,
      scan: await findSessionScan(reads.of('funnel_sessions', 'events'), question.project, reach, sample),
    };
  }
}

const tableOf = ({ kept, sample }: FunnelReading): string =>
  kept === undefined ? sampleTable(sample) : 'event_sequences';

/** What rows say together of the same units, step by step; by what these are. */
interface FiguresRow extends Pick<StepRow, 'sets' | 'kind' | 'value' | 'bucket'> {
  readonly counts: readonly number[];
  readonly steps: readonly (StepRow | undefined)[];
}

const together = ({ steps }: FunnelQuestion, rows: readonly StepRow[]): FiguresRow[] => {
  const found = new Map<string, StepRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.sets, row.kind, row.value, row.bucket]);
    const same = found.get(key);
    if (same === undefined) found.set(key, [row]);
    else same.push(row);
  }
  return [...found.values()].map((same) => {
    const [{ sets, kind, value, bucket }] = same as [StepRow];
    const bySteps = steps.map((_, at) => same.find(({ step }) => step === at + 1));
    return { sets, kind, value, bucket, counts: bySteps.map((row) => row?.units ?? 0), steps: bySteps };
  });
};

/** Rows as an answer; counts of a sample stand for all. */
const toAnswer = (
  question: FunnelQuestion,
  rows: readonly FiguresRow[],
  sample: number,
): Omit<FunnelAnswer, 'account'> => {
  const of = (sets: number): FiguresRow[] => rows.filter((row) => row.sets === sets);
  const figures = (row: FiguresRow | undefined): FunnelFigures => toFigures(question, row, sample);
  const values = of(OF_VALUE).toSorted(byUnits);
  const other = values.find(({ kind }) => kind === 2);
  return {
    total: figures(of(0)[0]),
    ...(question.breakdown === undefined
      ? {}
      : {
          rows: values
            .filter(({ kind }) => kind !== 2)
            .map((row) => ({ value: row.kind === 1 ? null : row.value, ...figures(row) })),
        }),
    ...(other === undefined ? {} : { other: figures(other) }),
    ...(question.interval === undefined
      ? {}
      : {
          trend: of(OF_BUCKET)
            .map(({ bucket, counts }) => ({ start: bucket, counts: counts.map((count) => count * sample) }))
            .toSorted((a, b) => a.start - b.start),
        }),
  };
};

/** The largest first; attempts without a value last. */
const byUnits = (a: FiguresRow, b: FiguresRow): number =>
  a.kind - b.kind || (b.counts[0] ?? 0) - (a.counts[0] ?? 0) || (a.value < b.value ? -1 : 1);

const toFigures = ({ steps }: FunnelQuestion, row: FiguresRow | undefined, sample: number): FunnelFigures => ({
  steps: steps.map((_, at): StepFigures => {
    const of = row?.steps[at];
    if (of === undefined) return { count: 0 };
    const fromPrevious = at === 0 ? undefined : toTimes(of.previous, of.previousTimes, sample);
    const fromFirst = at === 0 ? undefined : toTimes(of.first, of.firstTimes, sample);
    return {
      count: of.units * sample,
      ...(fromPrevious === undefined ? {} : { fromPrevious }),
      ...(fromFirst === undefined ? {} : { fromFirst }),
    };
  }),
  revenue: (row?.steps.at(-1)?.money ?? [])
    .map(([currency, amount]): Money => ({ currency, amount: timesAmount(amount, sample) }))
    .toSorted((a, b) => (a.currency < b.currency ? -1 : 1)),
});

const toTimes = (
  quantiles: readonly (number | null)[] | undefined,
  [edges, counts]: Histogram = [[], []],
  sample: number,
): StepTimes | undefined => {
  const [median, p75, p90] = quantiles ?? [];
  if (edges.length === 0) return undefined;
  return {
    median: Number(median) / 1_000,
    p75: Number(p75) / 1_000,
    p90: Number(p90) / 1_000,
    histogram: edges.map((edge, at) => ({
      from: edge / 1_000,
      to: nextEdge(edge / 1_000),
      count: (counts[at] ?? 0) * sample,
    })),
  };
};

const nextEdge = (edge: number): number => HISTOGRAM_EDGES[HISTOGRAM_EDGES.indexOf(edge) + 1] ?? edge;

/** What a sample's figures are, and how far they can be off. */
const estimated = ({ steps }: FunnelQuestion, rows: readonly FiguresRow[], sample: number): Account => {
  const total = rows.find(({ sets }) => sets === 0);
  // By step, then by part.
  const parts = steps.map((_, at) => {
    const units = Array<number>(SPREAD).fill(0);
    for (const [part, some] of total?.steps[at]?.parts ?? []) units[part] = (units[part] ?? 0) + some;
    return units;
  });
  const [started = [], last = []] = [parts[0], parts.at(-1)];
  const rates = started.flatMap((units, part) => (units > 0 ? [(last[part] ?? 0) / units] : []));
  const rate = (total?.counts.at(-1) ?? 0) / (total?.counts[0] ?? 1);
  return {
    approximate: ['count', 'conversionRate', 'seconds', 'revenue'],
    sampleFraction: 1 / sample,
    relativeError: {
      count: rounded(Math.max(0, ...parts.map(sumError))),
      conversionRate: rounded(rate > 0 ? meanError(rates, rate) : 1),
    },
  };
};

const rounded = (error: number): number => Math.round(error * 10_000) / 10_000;
