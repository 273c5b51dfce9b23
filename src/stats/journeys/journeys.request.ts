// What does a request for journeys mean? From what was sent to a question as data. Pure.
import { isCleanText } from '../../common/clean-text';
import { decodeCursor, encodeCursor } from '../../common/cursor';
import { MAX_GLOB } from '../../common/glob';
import type { TimeRange } from '../../common/time-range';
import type { Filter } from '../../events/query';
import { badParameter } from '../stats.errors';
import type { Span } from '../stats.request';
import type { JourneysQuery } from './journeys.dto';
import type { JourneyQuestion, PageGroup, PathKey } from './journeys.types';

const DEFAULT_STEPS = 5;
const DEFAULT_PATHS = 50;
const MAX_GROUPS = 50;
const MAX_NAME = 100;
const MAX_SAMPLE = 2 ** 40;

/** The question of a request. @throws invalidInput */
export const journeyQuestion = (
  request: JourneysQuery,
  project: number,
  span: Span,
  filter: Filter | undefined,
): JourneyQuestion => {
  const { by = 'page', unit = 'session', repeats = 'fold', start, end, around } = request;
  if (around !== undefined && (start !== undefined || end !== undefined))
    throw badParameter('around', 'conflict', 'must not be given together with start or end');
  const groups = groupsOf(request.groups);
  if (by !== 'page' && groups.length > 0)
    throw badParameter('groups', 'unused', 'are groups of pages, and must be left out where steps are events');
  const cursor = request.cursor === undefined ? undefined : readCursor(request.cursor);
  const range = cursor?.range ?? span.range;
  // A period moves on between two pages; a range that was spelled out does not.
  const moved = request.period === undefined && (range.from !== span.range.from || range.to !== span.range.to);
  if (moved || (request.precision === 'exact' && (cursor?.sample ?? 1) !== 1))
    throw badParameter('cursor', 'invalid_cursor', 'must be a cursor of the same question');
  return {
    project,
    range,
    since: span.since,
    filter,
    by,
    unit,
    repeats,
    steps: request.steps ?? DEFAULT_STEPS,
    groups,
    start,
    end,
    around,
    limit: request.limit ?? DEFAULT_PATHS,
    after: cursor?.after,
    precision: request.precision,
    sample: cursor?.sample,
    explain: request.explain,
  };
};

/** Reads `[["/blog/**", "Blog"], …]`. @throws invalidInput */
const groupsOf = (json: string | undefined): PageGroup[] => {
  if (json === undefined) return [];
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch {
    throw badParameter('groups', 'invalid_json', 'must be JSON, for example [["/blog/**", "Blog"]]');
  }
  if (!Array.isArray(input))
    throw badParameter('groups', 'not_a_list', 'must be a list such as [["/blog/**", "Blog"]]');
  if (input.length > MAX_GROUPS)
    throw badParameter('groups', 'too_many_items', `must have at most ${MAX_GROUPS} groups`);
  return input.map((group: unknown, at): PageGroup => {
    const [glob, name] = Array.isArray(group) && group.length === 2 ? (group as unknown[]) : [];
    if (!isText(glob, MAX_GLOB) || !isText(name, MAX_NAME))
      throw badParameter(
        `groups[${at}]`,
        'invalid_item',
        `must be a glob of 1 to ${MAX_GLOB} characters and a name of 1 to ${MAX_NAME}, such as ["/blog/**", "Blog"]`,
      );
    return { glob, name };
  });
};

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max && isCleanText(value);

/** What a cursor holds: the last path of the page before, its range, and the sample that it was read from, so that counts of two pages
 *  can be compared. */
interface JourneyCursor {
  readonly after: PathKey;
  readonly range: TimeRange;
  readonly sample: number;
}

/** The sort values of a path with what its page was read from, packed as `decodeCursor` reads them. */
export const writeCursor = ({ units, name, hash }: PathKey, { from, to }: TimeRange, sample: number): string =>
  encodeCursor([units, name, hash, from, to, sample]);

const readCursor = (cursor: string): JourneyCursor => {
  const [units, name, hash, from, to, sample] = decodeCursor(cursor, [
    'number',
    'string',
    'string',
    'number',
    'number',
    'number',
  ] as const);
  const whole = [units, from, to, sample].every(Number.isSafeInteger);
  const isHash = /^\d{1,20}$/.test(hash) && BigInt(hash) < 1n << 64n;
  const isSample = sample >= 1 && sample <= MAX_SAMPLE && Number.isInteger(Math.log2(sample));
  if (!whole || !isHash || !isSample || from >= to || !isCleanText(name))
    throw badParameter('cursor', 'invalid_cursor', 'must be a cursor that this list returned');
  return { after: { units, name, hash }, range: { from, to }, sample };
};
