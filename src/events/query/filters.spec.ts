// What is a filter, what is refused, and which condition does it become?
import * as fc from 'fast-check';
import { Problem } from '../../common/problem';
import { render } from '../../platform/clickhouse/sql';
import { DIMENSIONS } from './dimensions';
import {
  allOf,
  FILTER_LIMITS,
  FILTER_OPS,
  filterSql,
  needsOfFilter,
  parseFilter,
  parseFilterText,
  toJson,
} from './filters';

const scope = { project: 7, range: { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) } };

const fault = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return (error.extra.errors ?? []).map(({ path, code }) => `${path} ${code}`).join();
    throw error;
  }
  return 'accepted';
};

const nested = (depth: number): unknown => (depth === 1 ? ['is', 'page', ['/']] : ['not', nested(depth - 1)]);

it.each<[unknown, string]>([
  [{}, 'filters invalid_filter'],
  ['is', 'filters invalid_filter'],
  [[], 'filters[0] unknown_operator'],
  [['equals', 'page', ['/']], 'filters[0] unknown_operator'],
  [['toString', 'page', ['/']], 'filters[0] unknown_operator'],
  [['and'], 'filters invalid_filter'],
  [['not'], 'filters invalid_filter'],
  [['not', nested(1), nested(1)], 'filters invalid_filter'],
  [['and', nested(1), ['is', 'pag', ['/']]], 'filters[2][1] unknown_dimension'],
  [['is', 'constructor', ['/']], 'filters[1] unknown_dimension'],
  [['is', 'property:', ['x']], 'filters[1] unknown_dimension'],
  [['is', 7, ['x']], 'filters[1] unknown_dimension'],
  [['is', 'page'], 'filters[2] invalid_values'],
  [['is', 'page', '/'], 'filters[2] invalid_values'],
  [['is', 'page', []], 'filters[2] invalid_values'],
  [['is', 'page', ['/', null]], 'filters[2][1] invalid_value'],
  [['is', 'page', ['/', ['/']]], 'filters[2][1] invalid_value'],
  [['is', 'page', ['/'], 'more'], 'filters invalid_filter'],
  [['is', 'page', ['a\0b']], 'filters[2][0] invalid_characters'],
  [['is', 'page', ['\ud800']], 'filters[2][0] invalid_characters'],
  [['is', 'page', ['x'.repeat(FILTER_LIMITS.valueLength + 1)]], 'filters[2][0] too_long'],
  [['is', 'page', Array(FILTER_LIMITS.values + 1).fill('x')], 'filters[2] too_many_values'],
  [['gt', 'page', [1]], 'filters[1] not_a_number'],
  [['gt', 'property:n', ['one']], 'filters[2][0] not_a_number'],
  [['gt', 'property:n', ['1e999']], 'filters[2][0] not_a_number'],
  [['gt', 'property:n', [1, 2]], 'filters[2] invalid_values'],
  [['exists', 'page', ['x']], 'filters[2] unexpected_values'],
  [nested(FILTER_LIMITS.depth + 1), `filters${'[1]'.repeat(FILTER_LIMITS.depth)} too_deep`],
  [['or', ...Array(FILTER_LIMITS.nodes).fill(nested(1))], `filters[${FILTER_LIMITS.nodes}] too_many_filters`],
  [['did', ['and', nested(1), ['no']]], 'filters[1][2][0] unknown_operator'],
])('refuses %j', (input, expected) => {
  expect(fault(() => parseFilter(input))).toBe(expected);
});

it('refuses text that is not JSON, and takes none for no filter', () => {
  expect(fault(() => parseFilterText('["is", "page"'))).toBe('filters invalid_json');
  expect(parseFilterText(undefined)).toBeUndefined();
});

it('takes what is as large as the limits allow', () => {
  const taken = (...values: unknown[]) => fault(() => parseFilter(['is', 'page', values]));
  expect(taken('x'.repeat(FILTER_LIMITS.valueLength))).toBe('accepted');
  expect(taken(...Array<string>(FILTER_LIMITS.values).fill('x'))).toBe('accepted');
  expect(taken('')).toBe('accepted');
  expect(fault(() => parseFilter(['exists', `property:${'k'.repeat(1_024)}`]))).toBe('accepted');
  expect(fault(() => parseFilter(['exists', `property:${'k'.repeat(1_025)}`]))).toBe('filters[1] unknown_dimension');
  expect(fault(() => parseFilter(nested(FILTER_LIMITS.depth)))).toBe('accepted');
  expect(fault(() => parseFilter(['or', ...Array(FILTER_LIMITS.nodes - 1).fill(nested(1))]))).toBe('accepted');
});

it('takes every comparison of every dimension, numbers of properties alone', () => {
  for (const dimension of [...DIMENSIONS, 'property:n'])
    for (const op of FILTER_OPS) {
      const none = op.endsWith('xists');
      const ofNumbers = op.startsWith('gt') || op.startsWith('lt');
      const expected = ofNumbers && dimension !== 'property:n' ? 'filters[1] not_a_number' : 'accepted';
      const said = fault(() => parseFilter(none ? [op, dimension] : [op, dimension, ['1']]));
      expect([op, dimension, said]).toEqual([op, dimension, expected]);
    }
});

it.each(['1', '-1', '0.5', '1e3', '1E-3', '1e308', '-1.7976931348623157e308'])(
  'compares with the number %s',
  (value) => {
    expect(fault(() => parseFilter(['lt', 'property:n', [value]]))).toBe('accepted');
  },
);

it.each(['', ' 1', '+1', '.5', '1.', '0x1', '1e', 'NaN', 'Infinity', '1e309', '1_000', '１'])(
  'compares with no number such as "%s"',
  (value) => {
    expect(fault(() => parseFilter(['lt', 'property:n', [value]]))).toBe('filters[2][0] not_a_number');
  },
);

it('never fails but with a fault of the input, whatever is sent', () =>
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (input) => expect(fault(() => parseFilter(input))).toBeTruthy()),
  ));

it('gives back the tree that it read, numbers and booleans as texts', () => {
  const tree = [
    'and',
    ['is', 'country', ['DE', 'AT']],
    ['not', ['did', ['gte', 'property:n', [3]]]],
    ['exists', 'page'],
  ];
  expect(toJson(parseFilter(tree))).toEqual([
    'and',
    ['is', 'country', ['DE', 'AT']],
    ['not', ['did', ['gte', 'property:n', ['3']]]],
    ['exists', 'page'],
  ]);
  expect(toJson(parseFilter(['is', 'property:paid', [true]]))).toEqual(['is', 'property:paid', ['true']]);
});

it('asks the source for what its dimensions need, and for no more', () => {
  const needs = (tree: unknown) => needsOfFilter(parseFilter(tree));
  expect(needs(['is', 'page', ['/']])).toMatchObject({ identity: false, sessions: false });
  expect(needs(['not', ['is', 'visitor', ['00']]])).toMatchObject({ identity: true, sessions: false });
  expect(needs(['did', ['is', 'page', ['/']]])).toMatchObject({ identity: true, sessions: false });
  const all = { identity: true, sessions: true, ends: true };
  expect(needs(['or', ['is', 'page', ['/']], ['is', 'entryPage', ['/']]])).toMatchObject(all);
  const among = { kind: 'among', dimensions: ['page', 'exitPage'], groups: [['/', '/']] } as const;
  expect(needsOfFilter(among)).toMatchObject(all);
});

it('joins filters, and is none where there are none', () => {
  const one = parseFilter(['is', 'page', ['/']]);
  expect(allOf(undefined, undefined)).toBeUndefined();
  expect(allOf(undefined, one)).toBe(one);
  expect(allOf(one, one)).toEqual({ kind: 'and', filters: [one, one] });
});

it.each([
  ['a value of a column', ['is', 'page', ["/'; DROP TABLE events --", '\\']]],
  ['a value of a property', ['isNot', 'property:plan', ['pro']]],
  ['a part of a text', ['notContains', 'title', ['Shoe']]],
  ['a pattern', ['matches', 'property:plan', ['^a', 'b$']]],
  ['a number', ['gte', 'property:price', [12.5]]],
  ['presence', ['or', ['notExists', 'referrer'], ['exists', 'property:plan']]],
  ['what a visitor did', ['not', ['did', ['is', 'event', ['signup']]]]],
])('writes %s with every value bound', (_, tree) => {
  expect(render(filterSql(parseFilter(tree), scope))).toMatchSnapshot();
});

it('tells groups of values apart, whatever characters they hold', () => {
  const groups = [
    ['/a', '1:b'],
    ['é', ''],
  ];
  const { query, params } = render(filterSql({ kind: 'among', dimensions: ['page', 'property:plan'], groups }, scope));
  expect(Object.values(params)).toContainEqual(['2:/a3:1:b', '2:é0:']);
  expect(query).toMatchSnapshot();
});

it('takes goals where somebody puts filters in their place, and makes no SQL of a goal that nobody did so with', () => {
  const tree = ['not', ['did', ['is', 'goal', ['Signup']]]];
  const filter = parseFilter(tree);
  expect(toJson(filter)).toEqual(tree);
  expect(fault(() => parseFilter(tree, 'filters', { goals: false }))).toBe('filters[1][1][1] unknown_dimension');
  expect(fault(() => parseFilterText(JSON.stringify(tree), 'steps[0].filters', { goals: false }))).toBe(
    'steps[0].filters[1][1][1] unknown_dimension',
  );
  expect(() => filterSql(filter, scope)).toThrow('names goals');
  expect(() => needsOfFilter(filter)).toThrow('names goals');
});

it('has a dimension for every word of the contract', () => {
  const words =
    'page hostname entryPage exitPage title referrer source channel utmSource utmMedium utmCampaign utmContent utmTerm country region city browser browserVersion os osVersion device screen language event goal visitor';
  expect([...DIMENSIONS]).toEqual(words.split(' '));
});
