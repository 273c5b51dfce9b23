// How do journeys come out of the warehouse? From all events of the range, or from those of a sample of visitors.
import { Injectable } from '@nestjs/common';
import { findSessionScan, needsOfFilter } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { type Cost, Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import { sampleOf, sumError } from '../spread';
import type { Account } from '../stats.types';
import { Volumes } from '../volumes';
import { type JourneyRow, journeySql, readsSessions, ROW } from './journeys.queries';
import type { JourneyQuestion, Journeys } from './journeys.types';

/** Rows that can be read at once while somebody waits: cutting sessions costs several times as much as sorting events. */
const VISITOR_ROWS = 2_000_000;
const SESSION_ROWS = 400_000;

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
    const sample = question.sample ?? (await this.#sampleFor(question, zone));
    const reading = sample === 1 ? {} : { sample };
    const scan = readsSessions(question)
      ? await findSessionScan(reads.of('journeys_sessions', 'events'), project, range, reading.sample)
      : undefined;
    const rows = await reads.of('journeys', 'events')<JourneyRow>(journeySql(question, { ...reading, scan }));
    const cost = reads.cost();
    const account = {
      ...(sample === 1 ? {} : accountOf(rows, question, sample)),
      ...(question.explain === true ? { explain: cost } : {}),
    };
    return { ...toJourneys(rows), sample, account, cost };
  }

  /** One of how many visitors to read; 1: all of them. */
  async #sampleFor({ project, range, since, precision, unit, filter }: JourneyQuestion, zone: string): Promise<number> {
    // A question about single visitors is not to be answered about others.
    const ofSingles = needsOfFilter(filter).identity && JSON.stringify(filter).includes('"dimension":"visitor"');
    if (precision === 'exact' || ofSingles) return 1;
    const sessions = unit === 'session' || needsOfFilter(filter).sessions;
    const shown = { from: Math.max(range.from, since ?? range.from), to: range.to };
    const events = await this.volumes.eventsIn(project, zone, shown);
    return sampleOf(events, sessions ? SESSION_ROWS : VISITOR_ROWS) ?? 1;
  }
}

const toJourneys = (rows: readonly JourneyRow[]): Pick<Journeys, 'total' | 'paths' | 'nodes' | 'links'> => {
  const of = (kind: number): JourneyRow[] => rows.filter((row) => row.kind === kind);
  return {
    total: of(ROW.total)[0]?.units ?? 0,
    paths: of(ROW.path).map(({ path, name, hash, units }) => ({ path, name, hash, units })),
    nodes: of(ROW.node).map(({ step, value, other, units, entries, exits }) => ({
      step,
      value: other === 1 ? undefined : value,
      units,
      entries,
      exits,
    })),
    links: of(ROW.link).map(({ step, value, other, next, nextOther, units }) => ({
      step,
      source: other === 1 ? undefined : value,
      target: nextOther === 1 ? undefined : next,
      units,
    })),
  };
};

/** How far a sample's figures can be off: the total, and of the listed paths the one that is off most. Where nothing was found nothing
 *  is known. */
const accountOf = (rows: readonly JourneyRow[], { limit }: JourneyQuestion, sample: number): Account => {
  const errors = (kind: number): number => {
    const found = rows.filter((row) => row.kind === kind).slice(0, limit);
    const worst = Math.max(...found.map(({ parts, units, doubled }) => sumError(parts) + doubled / units));
    return found.length === 0 ? 1 : Math.round(worst * 10_000) / 10_000;
  };
  return {
    approximate: ['total', 'count'],
    sampleFraction: 1 / sample,
    relativeError: { total: errors(ROW.total), count: errors(ROW.path) },
  };
};
