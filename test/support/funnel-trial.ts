// Does SQL say of each unit what the reference says? Puts little worlds into the warehouse, hundreds in one project, asks, and
// compares; of a difference it finds the smallest world and question that show it. For a test and for a program that goes on for hours.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { Attempt, FunnelAnswer, FunnelMode, FunnelQuestion } from '../../src/funnels/funnel.types';
import type { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { linksOf, littleWorld, plainQuestion, rowsOfWorld, toQuestion, worldOf } from './funnel-worlds';
import { attempts, figuresOf, type PlainQuestion, type Walk } from './reference/funnels';
import { type RawEvent, seeEvents } from './reference/statistics';
import { EVENT_COLUMNS, LINK_COLUMNS, linkRowsOf, rowsOf } from './world';

/** What is asked. */
export interface Answers {
  answer(question: FunnelQuestion, zone: string): Promise<FunnelAnswer>;
  attempts(
    question: FunnelQuestion,
    zone: string,
    wish: { step: number; dropped: boolean; limit: number },
  ): Promise<readonly Attempt[]>;
}

/** A world and a question of which SQL says something else than the reference. */
export interface Difference {
  question: PlainQuestion;
  /** In the order inserted. */
  events: RawEvent[];
  expected: unknown;
  found: unknown;
}

/** More than a crowd has units. */
const EVERYBODY = 1_000_000;

/** Everyone's events, once and in order. Worlds know nothing of each other. */
const seen = (rows: readonly RawEvent[]) => seeEvents(rows, linksOf(rows));

const inWords = (attempt: unknown): string => JSON.stringify(attempt);

/** Attempts as the warehouse lists them, in an order of their own. */
const listed = (walks: readonly Walk[], { countBy }: PlainQuestion): string[] =>
  walks
    .map((walk) => ({
      visitor: walk[0]?.event.identity,
      sessionBeganAt: countBy === 'session' ? walk[0]?.event.whole.events[0]?.ts : undefined,
      events: walk.map(({ step, event }) => ({ step, at: event.ts })),
    }))
    .map(inWords)
    .sort();

const asListed = (found: readonly Attempt[]): string[] =>
  found
    .map(({ visitor, sessionBeganAt, events }) => ({
      visitor,
      sessionBeganAt,
      events: events.map(({ step, at }) => ({ step, at })),
    }))
    .map(inWords)
    .sort();

/** Figures that two ways of working them out can be compared by: an interpolated time has five decimals at most. */
export const rounded = (figures: unknown): unknown =>
  JSON.parse(
    JSON.stringify(figures, (_, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(6)) : value)),
  );

/** Rows in three blocks, in the order neither of time nor of arrival; the last one holds what was sent again. */
const inBlocks = (rows: readonly RawEvent[]): RawEvent[][] => {
  const known = new Set<string>();
  const blocks: [RawEvent[], RawEvent[], RawEvent[]] = [[], [], []];
  for (const [at, row] of rows.entries()) {
    blocks[known.has(row.id) ? 2 : at % 3 === 0 ? 0 : 1].push(row);
    known.add(row.id);
  }
  return blocks;
};

/** Puts rows into projects of their own and asks about them. */
export class FunnelTrial {
  #lastProject = 0;

  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly answers: Answers,
  ) {}

  /** What is to be done with a project once its rows are there. */
  afterSettling: (project: number) => Promise<void> = async () => undefined;

  /** A project with these rows. @returns its number */
  async settle(rows: readonly RawEvent[]): Promise<number> {
    const [project = 0] = await this.settleApart([rows]);
    return project;
  }

  /** Projects with these rows each, in blocks that they share; a later one holds what was sent again. @returns their numbers */
  async settleApart(lists: readonly (readonly RawEvent[])[]): Promise<number[]> {
    const insert = (table: string, columns: readonly string[], bodies: string[]): Promise<void> => {
      const body = bodies.filter((one) => one !== '').join('\n');
      return body === '' ? Promise.resolve() : this.clickhouse.insert({ table, columns, body, token: randomUUID() });
    };
    const projects = lists.map((rows) => {
      this.#lastProject += 1;
      return { number: this.#lastProject, blocks: inBlocks(rows), links: linksOf(rows) };
    });
    const links = projects.map(({ number, links }) => linkRowsOf(number, links));
    await insert('visitor_links', LINK_COLUMNS, links);
    for (const block of [0, 1, 2]) {
      const events = projects.map(({ number, blocks }) => rowsOf(number, blocks[block] ?? []));
      await insert('events', EVENT_COLUMNS, events);
    }
    for (const { number } of projects) await this.afterSettling(number);
    return projects.map(({ number }) => number);
  }

  /** The answer to a question about a project. */
  answer(project: number, question: PlainQuestion): Promise<FunnelAnswer> {
    return this.answers.answer(toQuestion(project, question), question.timezone);
  }

  /** Asks one question about a crowd of little worlds, unit by unit.
   *  @param crowd rows of each world; its place is its number
   *  @param totals whether the figures of them all are compared too
   *  @returns the smallest difference there is */
  async compare(
    project: number,
    crowd: readonly RawEvent[][],
    question: PlainQuestion,
    totals = true,
  ): Promise<Difference | undefined> {
    const walks = crowd.map((rows) => attempts(seen(rows), question));
    const asked = toQuestion(project, question);
    const everybody = { step: 1, dropped: false, limit: EVERYBODY };
    const found = await this.answers.attempts(asked, question.timezone, everybody);
    const ofWorld = crowd.map((): Attempt[] => []);
    for (const attempt of found) ofWorld[worldOf(attempt.visitor)]?.push(attempt);
    const wrong = crowd
      .filter((_, at) => inWords(listed(walks[at] ?? [], question)) !== inWords(asListed(ofWorld[at] ?? [])))
      .sort((a, b) => a.length - b.length)[0];
    if (wrong !== undefined) return this.#smallest(wrong, question);
    if (!totals) return undefined;
    const { total } = await this.answers.answer(asked, question.timezone);
    const expected = rounded(figuresOf(walks.flat(), question));
    return inWords(rounded(total)) === inWords(expected)
      ? undefined
      : { question, events: crowd.flat(), expected, found: rounded(total) };
  }

  /** What differs about one world in a project of its own; undefined where nothing does. */
  async #differenceOf(events: RawEvent[], question: PlainQuestion): Promise<Difference | undefined> {
    const project = await this.settle(events);
    const everybody = { step: 1, dropped: false, limit: EVERYBODY };
    const found = asListed(await this.answers.attempts(toQuestion(project, question), question.timezone, everybody));
    const expected = listed(attempts(seen(events), question), question);
    return inWords(found) === inWords(expected) ? undefined : { question, events, expected, found };
  }

  /** Takes things away for as long as there is a difference. */
  async #smallest(events: RawEvent[], question: PlainQuestion): Promise<Difference> {
    const whole = await this.#differenceOf(events, question);
    if (whole === undefined)
      return { question, events, expected: 'the same as alone', found: 'something else among other units' };
    for (const { events: fewer, question: simpler } of smaller(events, question)) {
      const difference = await this.#differenceOf(fewer, simpler);
      if (difference !== undefined) return this.#smallest(fewer, simpler);
    }
    return whole;
  }
}

/** Worlds and questions that are smaller by one thing. */
function* smaller(
  events: RawEvent[],
  question: PlainQuestion,
): Generator<{ events: RawEvent[]; question: PlainQuestion }> {
  for (const at of events.keys()) yield { events: events.toSpliced(at, 1), question };
  const simpler = (less: Partial<PlainQuestion>) => ({ events, question: { ...question, ...less } });
  const { filter, ...unfiltered } = question;
  if (filter !== undefined) yield { events, question: unfiltered };
  for (const at of question.exclusions.keys()) yield simpler({ exclusions: question.exclusions.toSpliced(at, 1) });
  for (const at of question.holdConstant.keys())
    yield simpler({ holdConstant: question.holdConstant.toSpliced(at, 1) });
  if (question.countBy === 'session') yield simpler({ countBy: 'visitor' });
  for (const [at, step] of question.steps.entries()) {
    if (step.optional) yield simpler({ steps: question.steps.with(at, { ...step, optional: false }) });
    const steps = question.steps.toSpliced(at, 1);
    const exclusions = question.exclusions.filter(({ toStep }) => toStep <= steps.length);
    if (steps.length >= 2 && steps[0]?.optional === false) yield simpler({ steps, exclusions });
  }
}

/** Rows of a crowd of little worlds. The same seed makes the same crowd. */
export const crowdOf = (worlds: number, seed: number): RawEvent[][] =>
  fc.sample(littleWorld(), { numRuns: worlds, seed }).map(rowsOfWorld);

/** Questions of a mode, of so many steps at most. The same seed makes the same ones. */
export const questionsOf = (mode: FunnelMode, count: number, seed: number, most?: number): PlainQuestion[] =>
  fc.sample(plainQuestion(mode, most), { numRuns: count, seed });

/** A difference as a person reads it. */
export const describe = ({ question, events, expected, found }: Difference): string => {
  const words =
    events.length > 100 ? `${events.length} events` : events.map((event) => JSON.stringify(event)).join('\n  ');
  return `question: ${JSON.stringify(question)}\nevents:\n  ${words}\nthe reference: ${JSON.stringify(expected)}\nSQL: ${JSON.stringify(found)}`;
};
