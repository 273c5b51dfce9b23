// How do journeys come out of the warehouse? From all events of the range, or from those of a sample of visitors.
import { Injectable } from '@nestjs/common';
import { findSessionScan, type Sample, sampleTable } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { type Cost, Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import { sumError } from '../spread';
import type { Account } from '../stats.types';
import { Volumes } from '../volumes';
import { EDGE, readsSessions, ROW, type TallyRow, tallySql, type WayRow, waySql } from './journeys.queries';
import { type JourneyNode, type JourneyQuestion, type Journeys, MAX_VALUES, type StepValue } from './journeys.types';

/** Rows that can be read at once while somebody waits, some 3 microseconds each: they are read twice, for paths and for the ways between
 *  their values, and to put the events of a visitor in order costs as much as to cut sessions out of them. */
const MOST_ROWS = 125_000;

@Injectable()
export class JourneysRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly volumes: Volumes,
  ) {}

  /** The answer to a question.
   *  @param zone of the project
   *  @throws storeUnavailable, queryTooLarge; invalidInput for a pattern that RE2 does not take */
  async answer(question: JourneyQuestion, zone: string, caller?: Caller): Promise<Journeys & { cost: Cost }> {
    const { project, range } = question;
    const reads = new Reads(this.clickhouse, project, caller);
    const sample = await this.#sampleFor(question, zone);
    const table = sampleTable(sample);
    const scan = readsSessions(question)
      ? await findSessionScan(reads.of('journeys_sessions', 'events'), project, range, sample)
      : undefined;
    const reading = { sample, scan };
    const rows = await reads.of('journeys', table)<TallyRow>(tallySql(question, reading));
    const values = ofKind(rows, ROW.value);
    const shown = values.filter(({ step }, at) => values[at - MAX_VALUES]?.step !== step);
    const ways =
      shown.length === 0 ? [] : await reads.of('journeys_ways', table)<WayRow>(waySql(question, reading, shown));
    const cost = reads.cost();
    const account = {
      ...(sample === undefined ? {} : accountOf(rows, question, sample.of)),
      ...(question.explain === true ? { explain: cost } : {}),
    };
    const paths = ofKind(rows, ROW.path).map(({ path, name, hash, units }) => ({ path, name, hash, units }));
    const total = ofKind(rows, ROW.total)[0]?.units ?? 0;
    return {
      total,
      paths: paths.slice(0, question.limit + 1),
      ...toPicture(ways, shown),
      sample: sample?.of ?? 1,
      account,
      cost,
    };
  }

  /** Who is read: on later pages as many as on the first. */
  async #sampleFor(question: JourneyQuestion, zone: string): Promise<Sample | undefined> {
    const { project, range, since = range.from, sample } = question;
    if (sample === 1) return undefined;
    const shown = { from: Math.max(range.from, since), to: range.to };
    return sample === undefined
      ? this.volumes.sampleFor(question, zone, shown, MOST_ROWS)
      : (await this.volumes.of(project, zone, shown)).sample(sample);
  }
}

const ofKind = (rows: readonly TallyRow[], kind: number): TallyRow[] => rows.filter((row) => row.kind === kind);

/** What the ways are between: whoever leaves a value, to go on or for good, was there. */
const toPicture = (ways: readonly WayRow[], shown: readonly StepValue[]): Pick<Journeys, 'nodes' | 'links'> => {
  const valueAt = (place: number): string | undefined => shown[place - 1]?.value;
  const nodes = new Map<string, { -readonly [K in keyof JourneyNode]: JourneyNode[K] }>();
  const nodeAt = (step: number, place: number) => {
    const key = `${step} ${place}`;
    const node = nodes.get(key) ?? { step, value: valueAt(place), units: 0, entries: 0, exits: 0 };
    nodes.set(key, node);
    return node;
  };
  for (const { step, source, target, units } of ways) {
    if (source === EDGE) nodeAt(step + 1, target).entries += units;
    else nodeAt(step, source).units += units;
    if (target === EDGE) nodeAt(step, source).exits += units;
  }
  const links = ways
    .filter(({ source, target }) => source !== EDGE && target !== EDGE)
    .map(({ step, source, target, units }) => ({ step, source: valueAt(source), target: valueAt(target), units }));
  return { nodes: [...nodes.values()], links };
};

/** How far a sample's figures can be off: the total, and of the listed paths the one that is off most. Where nothing was found nothing
 *  is known. */
const accountOf = (rows: readonly TallyRow[], { limit }: JourneyQuestion, sample: number): Account => {
  const errors = (kind: number): number => {
    const found = ofKind(rows, kind).slice(0, limit);
    const worst = Math.max(...found.map(({ parts, units, doubled }) => sumError(parts) + doubled / units));
    return found.length === 0 ? 1 : Math.round(worst * 10_000) / 10_000;
  };
  return {
    approximate: ['total', 'count'],
    sampleFraction: 1 / sample,
    relativeError: { total: errors(ROW.total), count: errors(ROW.path) },
  };
};
