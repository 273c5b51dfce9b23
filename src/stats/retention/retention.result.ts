// What do rows of cohorts become? A table with every row and cell, scaled where a sample was read. Pure.
import { isoInZone } from '../../common/time-zone';
import { accountOf, groupBy, metaOf } from './answers';
import type * as dto from './retention.answers.dto';
import { largest, offBy, rateOffBy, type Parts } from './margins';
import { stateAt, type State } from './periods';
import type { CohortAnswer, CohortRow, RetentionQuestion } from './retention.types';

/** Sums of rows, whole and by part of the sample. */
interface Sum {
  size: number;
  cells: number[];
  doubled: number;
  readonly parts: Map<number, { size: number; cells: number[] }>;
}

const sumOf = (rows: readonly CohortRow[], columns: number): Sum => {
  const zeros = (): number[] => Array<number>(columns + 1).fill(0);
  const sum: Sum = { size: 0, cells: zeros(), doubled: 0, parts: new Map() };
  for (const row of rows) {
    const part = sum.parts.get(row.part) ?? { size: 0, cells: zeros() };
    sum.parts.set(row.part, part);
    sum.size += row.size;
    sum.doubled += row.doubled;
    part.size += row.size;
    row.cells.forEach((count, at) => {
      sum.cells[at] = (sum.cells[at] ?? 0) + count;
      part.cells[at] = (part.cells[at] ?? 0) + count;
    });
  }
  return sum;
};

const partsOf = (sum: Sum, at?: number): Parts =>
  [...sum.parts.values()].map(({ size, cells }) => ({ of: size, count: at === undefined ? size : (cells[at] ?? 0) }));

/** What a cell is of: its own period, or up to the last column where later returns count too. */
const stateOf = ({ periods, mode, columns, now }: RetentionQuestion, cohort: number, column: number): State => {
  const { starts } = periods;
  const end = mode === 'on' ? column : columns;
  return stateAt(now, { from: starts[cohort + column] ?? 0, to: starts[cohort + end + 1] ?? 0 });
};

interface Table {
  readonly data: dto.CohortDto[];
  readonly averages: dto.AverageDto[];
}

const tableOf = (question: RetentionQuestion, rows: readonly CohortRow[], sample = 1): Table => {
  const { periods, columns, timezone } = question;
  const numbers = Array.from({ length: columns + 1 }, (_, column) => column);
  const byCohort = groupBy(rows, ({ cohort }) => cohort);
  const sampled = sample > 1;
  const data = periods.starts.slice(0, periods.rows).map((start, cohort): dto.CohortDto => {
    const sum = sumOf(byCohort.get(cohort) ?? [], columns);
    const cells = numbers.map((column): dto.CohortCellDto => {
      const state = stateOf(question, cohort, column);
      if (state === 'future') return { period: column, visitors: null, rate: null, state };
      const count = sum.cells[column] ?? 0;
      const bias = count === 0 ? 0 : sum.doubled / count;
      const parts = partsOf(sum, column);
      return {
        period: column,
        visitors: count * sample,
        rate: sum.size === 0 ? null : count / sum.size,
        state,
        ...(sampled ? { relativeError: { visitors: offBy(parts, bias), rate: rateOffBy(parts, bias) } } : {}),
      };
    });
    return {
      cohort: isoInZone(timezone, start),
      size: sum.size * sample,
      ...(sampled ? { relativeError: offBy(partsOf(sum), sum.size === 0 ? 0 : sum.doubled / sum.size) } : {}),
      cells,
    };
  });
  const averages = numbers.map((column): dto.AverageDto => {
    const complete = rows.filter(({ cohort }) => stateOf(question, cohort, column) === 'complete');
    const sum = sumOf(complete, columns);
    const count = sum.cells[column] ?? 0;
    return {
      period: column,
      size: sum.size * sample,
      visitors: count * sample,
      rate: sum.size === 0 ? null : count / sum.size,
      ...(sampled ? { relativeError: rateOffBy(partsOf(sum, column), count === 0 ? 0 : sum.doubled / count) } : {}),
    };
  });
  return { data, averages };
};

/** A row a cohort and a cell a column; with a breakdown the same for each value, whose figures add up to these. */
export const toRetention = (question: RetentionQuestion, answer: CohortAnswer): dto.RetentionComparisonDto => {
  const { rows, values, sample } = answer;
  const whole = tableOf(question, rows, sample);
  const byValue = groupBy(rows, ({ value }) => value);
  const sizeOf = (of: readonly CohortRow[]): number => of.reduce((sum, { size }) => sum + size, 0) * (sample ?? 1);
  const figures = (value: string | null | undefined) => {
    const of = byValue.get(value) ?? [];
    return { size: sizeOf(of), ...tableOf(question, of, sample) };
  };
  const cells = whole.data.flatMap((row) => row.cells.flatMap(({ relativeError }) => relativeError ?? []));
  const account = accountOf(answer, () => ({
    size: largest(whole.data.map(({ relativeError }) => relativeError)),
    visitors: largest(cells.map(({ visitors }) => visitors)),
    rate: largest(cells.map(({ rate }) => rate)),
  }));
  return {
    ...whole,
    ...(values === undefined || question.breakdown === undefined
      ? {}
      : {
          breakdown: {
            dimension: question.breakdown.dimension,
            rows: values.map((value) => ({ value, ...figures(value) })),
            ...(byValue.has(undefined) ? { other: figures(undefined) } : {}),
          },
        }),
    meta: metaOf(question, account),
  };
};
