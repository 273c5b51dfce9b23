// What is a filter, what is refused, and which condition does it become?
import * as fc from 'fast-check';
import { Problem } from '../../common/problem';
import { render } from '../../platform/clickhouse/sql';
import { DIMENSIONS } from './dimensions';
import { allOf, FILTER_LIMITS, filterSql, needsOfFilter, parseFilter, parseFilterText, toJson } from './filters';

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
  [['is', 'goal', ['x']], 'filters[1] unknown_dimension'],
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

it('takes a tree as large as the limits allow', () => {
  expect(fault(() => parseFilter(nested(FILTER_LIMITS.depth)))).toBe('accepted');
  expect(fault(() => parseFilter(['or', ...Array(FILTER_LIMITS.nodes - 1).fill(nested(1))]))).toBe('accepted');
});

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
  expect(needs(['is', 'page', ['/']])).toEqual({ identity: false, sessions: false });
  expect(needs(['not', ['is', 'visitor', ['00']]])).toEqual({ identity: true, sessions: false });
  expect(needs(['did', ['is', 'page', ['/']]])).toEqual({ identity: true, sessions: false });
  expect(needs(['or', ['is', 'page', ['/']], ['is', 'entryPage', ['/']]])).toEqual({ identity: true, sessions: true });
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

it('has a dimension for every word of the contract but goal, which comes with goals', () => {
  const words =
    'page hostname entryPage exitPage title referrer source channel utmSource utmMedium utmCampaign utmContent utmTerm country region city browser browserVersion os osVersion device screen language event visitor';
  expect([...DIMENSIONS]).toEqual(words.split(' '));
});
