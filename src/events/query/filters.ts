// Which events does a filter select? Parses the contract's filter tree into data, and writes it as a condition over `eventSource`.
import { invalidInput, type FieldError } from '../../common/problem';
import { float64, join, sql, text, texts, type Sql } from '../../platform/clickhouse/sql';
import { isCleanText } from '../../common/clean-text';
import { bothNeed, DIMENSIONS, findDimension, GOAL, PLAIN, type Dimension, type Needs } from './dimensions';
import { during, eventSource, type EventScope } from './source';

const TEXT_OPS = ['is', 'isNot', 'contains', 'notContains', 'startsWith', 'endsWith', 'matches', 'notMatches'] as const;
const NUMBER_OPS = ['gt', 'gte', 'lt', 'lte'] as const;
const PRESENCE_OPS = ['exists', 'notExists'] as const;

/** Comparisons of a dimension with values. */
export const FILTER_OPS = [...TEXT_OPS, ...NUMBER_OPS, ...PRESENCE_OPS] as const;

/** A comparison. */
export type FilterOp = (typeof FILTER_OPS)[number];

/** A checked filter tree. It is plain data; `toJson` gives the contract's form back.
 *  Several values mean any of them: `isNot`, `notContains` and `notMatches` mean none of them. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  /** The visitor did an event in the range that the filter selects. */
  | { readonly kind: 'did'; readonly filter: Filter }
  /** A test of `goal` is to be put into other words before there is any SQL. */
  | { readonly kind: 'test'; readonly op: FilterOp; readonly dimension: string; readonly values: readonly string[] }
  /** The values of these dimensions together are one of these groups. Made by the server alone: no request can say it. */
  | { readonly kind: 'among'; readonly dimensions: readonly string[]; readonly groups: readonly (readonly string[])[] };

/** What a filter may be at most. */
export const FILTER_LIMITS = { depth: 10, nodes: 100, values: 200, valueLength: 2_048 } as const;

const isOneOf = <T extends string>(list: readonly T[], value: string): value is T =>
  (list as readonly string[]).includes(value);

const refuse = (path: string, code: string, message: string): never => {
  const error: FieldError = { path, code, message };
  throw invalidInput({ errors: [error] });
};

/** Which dimensions a filter may name: all, or all but goals, where nobody puts filters in their place. */
export interface FilterRules {
  readonly goals?: boolean;
}

/** Reads a filter tree out of JSON that was parsed already.
 *  @param path where it stands in the request; errors name the place under it, as `filters[1][2]`
 *  @throws invalidInput */
export const parseFilter = (input: unknown, path = 'filters', rules: FilterRules = {}): Filter => {
  let nodes = 0;
  const parse = (node: unknown, at: string, depth: number): Filter => {
    nodes += 1;
    if (depth > FILTER_LIMITS.depth)
      return refuse(at, 'too_deep', `must not be nested deeper than ${FILTER_LIMITS.depth}`);
    if (nodes > FILTER_LIMITS.nodes)
      return refuse(at, 'too_many_filters', `must not hold more than ${FILTER_LIMITS.nodes} filters`);
    if (!Array.isArray(node)) return refuse(at, 'invalid_filter', 'must be a list such as ["is", "page", ["/"]]');
    const [op, ...rest] = node as unknown[];
    if (op === 'and' || op === 'or') {
      if (rest.length === 0) return refuse(at, 'invalid_filter', `"${op}" must be followed by at least one filter`);
      return { kind: op, filters: rest.map((part, index) => parse(part, `${at}[${index + 1}]`, depth + 1)) };
    }
    if (op === 'not' || op === 'did') {
      if (rest.length !== 1) return refuse(at, 'invalid_filter', `"${op}" must be followed by one filter`);
      return { kind: op, filter: parse(rest[0], `${at}[1]`, depth + 1) };
    }
    if (typeof op !== 'string' || !isOneOf(FILTER_OPS, op))
      return refuse(`${at}[0]`, 'unknown_operator', `must be one of and, or, not, did, ${FILTER_OPS.join(', ')}`);
    return parseTest(op, rest, at, rules);
  };
  return parse(input, path, 1);
};

/** Reads the JSON text of a filter tree, as a query string carries it; undefined where none was sent.
 *  @throws invalidInput */
export const parseFilterText = (
  json: string | undefined,
  path = 'filters',
  rules: FilterRules = {},
): Filter | undefined => {
  if (json === undefined) return undefined;
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch {
    return refuse(path, 'invalid_json', 'must be JSON, for example ["is", "country", ["DE"]]');
  }
  return parseFilter(input, path, rules);
};

const parseTest = (op: FilterOp, rest: readonly unknown[], at: string, { goals = true }: FilterRules): Filter => {
  const [name, given] = rest;
  const dimension: Pick<Dimension, 'name' | 'number'> | undefined =
    name === GOAL && goals ? { name: GOAL } : typeof name === 'string' ? findDimension(name) : undefined;
  if (dimension === undefined) {
    const names = DIMENSIONS.filter((known) => goals || known !== GOAL);
    return refuse(`${at}[1]`, 'unknown_dimension', `must be one of ${names.join(', ')}, property:<key>`);
  }
  if (rest.length > 2) return refuse(at, 'invalid_filter', 'must have an operator, a dimension and a list of values');
  if (isOneOf(PRESENCE_OPS, op)) {
    if (given !== undefined && !(Array.isArray(given) && given.length === 0))
      return refuse(`${at}[2]`, 'unexpected_values', `"${op}" takes no values`);
    return { kind: 'test', op, dimension: dimension.name, values: [] };
  }
  if (!Array.isArray(given) || given.length === 0)
    return refuse(`${at}[2]`, 'invalid_values', 'must be a list of at least one value');
  if (given.length > FILTER_LIMITS.values)
    return refuse(`${at}[2]`, 'too_many_values', `must not hold more than ${FILTER_LIMITS.values} values`);
  const values = given.map((value: unknown, index) => parseValue(value, `${at}[2][${index}]`));
  if (isOneOf(NUMBER_OPS, op)) {
    if (dimension.number === undefined)
      return refuse(`${at}[1]`, 'not_a_number', `"${op}" compares numbers, which only property:<key> has`);
    if (values.length !== 1) return refuse(`${at}[2]`, 'invalid_values', `"${op}" takes one value`);
    if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(values[0] ?? '') || !Number.isFinite(Number(values[0])))
      return refuse(`${at}[2][0]`, 'not_a_number', 'must be a number');
  }
  return { kind: 'test', op, dimension: dimension.name, values };
};

const parseValue = (value: unknown, at: string): string => {
  const plain = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof plain !== 'string') return refuse(at, 'invalid_value', 'must be a text, a number or a boolean');
  if (plain.length > FILTER_LIMITS.valueLength)
    return refuse(at, 'too_long', `must not be longer than ${FILTER_LIMITS.valueLength} characters`);
  if (!isCleanText(plain)) return refuse(at, 'invalid_characters', 'must not hold NUL or half a surrogate pair');
  return plain;
};

/** The contract's form of a filter: what a normalised query echoes. */
export const toJson = (filter: Filter): unknown[] => {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return [filter.kind, ...filter.filters.map(toJson)];
    case 'not':
    case 'did':
      return [filter.kind, toJson(filter.filter)];
    case 'test':
      return filter.values.length === 0
        ? [filter.op, filter.dimension]
        : [filter.op, filter.dimension, [...filter.values]];
    case 'among':
      return ['among', [...filter.dimensions], filter.groups.map((group) => [...group])];
  }
};

/** All of these filters together; undefined where there is none. */
export const allOf = (...filters: (Filter | undefined)[]): Filter | undefined => {
  const given = filters.filter((filter) => filter !== undefined);
  return given.length < 2 ? given[0] : { kind: 'and', filters: given };
};

/** What the source of a query must provide for a filter. */
export const needsOfFilter = (filter: Filter | undefined): Needs => {
  switch (filter?.kind) {
    case undefined:
      return PLAIN;
    case 'and':
    case 'or':
      return filter.filters.map(needsOfFilter).reduce(bothNeed, PLAIN);
    case 'not':
      return needsOfFilter(filter.filter);
    case 'did':
      return bothNeed({ identity: true, sessions: false }, needsOfFilter(filter.filter));
    case 'test':
      return known(filter.dimension).needs;
    case 'among':
      return filter.dimensions.map((name) => known(name).needs).reduce(bothNeed, PLAIN);
  }
};

/** A filter as a condition (UInt8, never NULL) over the rows of `eventSource`. No filter selects every event.
 *  @param scope that of the source: `did` looks through the whole range of it */
export const filterSql = (filter: Filter | undefined, scope: EventScope): Sql => {
  switch (filter?.kind) {
    case undefined:
      return sql`1`;
    case 'and':
    case 'or':
      return sql`(${join(
        filter.filters.map((part) => filterSql(part, scope)),
        filter.kind === 'and' ? ' AND ' : ' OR ',
      )})`;
    case 'not':
      return sql`(NOT ${filterSql(filter.filter, scope)})`;
    case 'did':
      return sql`(identity IN (
        SELECT identity FROM ${eventSource(scope, needsOfFilter(filter))}
        WHERE ${during(scope.range)} AND ${filterSql(filter.filter, scope)}))`;
    case 'test':
      return testSql(filter.op, known(filter.dimension), filter.values);
    case 'among':
      return amongSql(filter.dimensions.map(known), filter.groups);
  }
};

/** A set of groups as a set of texts: values one after the other, each with its length in bytes before it. */
const amongSql = (dimensions: readonly Dimension[], groups: readonly (readonly string[])[]): Sql => {
  const key = join(
    dimensions.map(({ value }) => sql`toString(length(toString(${value}))), ':', toString(${value})`),
    ', ',
  );
  const keys = groups.map((group) => group.map((value) => `${Buffer.byteLength(value)}:${value}`).join(''));
  const present = dimensions.flatMap((dimension) => dimension.present ?? []);
  return sql`(${join([...present, sql`concat(${key}) IN ${texts(keys)}`], ' AND ')})`;
};

const known = (name: string): Dimension => {
  if (name === GOAL) throw new Error('A filter names goals that nothing was put in place of');
  const dimension = findDimension(name);
  if (dimension === undefined) throw new Error('A filter that was not parsed has an unknown dimension');
  return dimension;
};

/** A comparison. An event without the dimension is selected by the negated ones alone. */
const testSql = (op: FilterOp, { value, present, number }: Dimension, values: readonly string[]): Sql => {
  const there = (condition: Sql): Sql => (present === undefined ? condition : sql`(${present} AND ${condition})`);
  const anyOf = (conditions: readonly Sql[]): Sql => sql`(${join(conditions, ' OR ')})`;
  const matching = (): Sql =>
    there(
      anyOf([
        ...values.map((pattern) => sql`match(${value}, ${text(pattern)})`),
        // TRICKY: a pattern is compiled when there is a row to match. Constants are always worked out, so a bad pattern is
        // refused over an empty range too; `ignore` makes nothing of the result.
        ...values.map((pattern) => sql`ignore(match('', ${text(pattern)}))`),
      ]),
    );
  const containing = (): Sql => there(sql`arrayExists(part -> position(${value}, part) > 0, ${texts(values)})`);
  const compared = (sign: Sql): Sql => sql`ifNull(${number ?? sql`NULL`} ${sign} ${float64(Number(values[0]))}, 0)`;
  switch (op) {
    case 'is':
      return there(sql`${value} IN ${texts(values)}`);
    case 'isNot':
      return sql`(NOT ${there(sql`${value} IN ${texts(values)}`)})`;
    case 'contains':
      return containing();
    case 'notContains':
      return sql`(NOT ${containing()})`;
    case 'startsWith':
      return there(sql`arrayExists(part -> startsWith(${value}, part), ${texts(values)})`);
    case 'endsWith':
      return there(sql`arrayExists(part -> endsWith(${value}, part), ${texts(values)})`);
    case 'matches':
      return matching();
    case 'notMatches':
      return sql`(NOT ${matching()})`;
    case 'gt':
      return compared(sql`>`);
    case 'gte':
      return compared(sql`>=`);
    case 'lt':
      return compared(sql`<`);
    case 'lte':
      return compared(sql`<=`);
    case 'exists':
      return present ?? sql`(${value} != '')`;
    case 'notExists':
      return present === undefined ? sql`(${value} = '')` : sql`(NOT ${present})`;
  }
};
