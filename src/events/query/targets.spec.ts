// Which events does a step, a goal or a cohort look for?
import { render } from '../../platform/clickhouse/sql';
import { filterSql, parseFilter, toJson } from './filters';
import { targetFilter } from './targets';

const scope = { project: 7, range: { from: 0, to: 1 } };
const pro = parseFilter(['is', 'property:plan', ['pro']]);

it.each([
  ['an event', { event: 'signup' }, ['is', 'event', ['signup']]],
  [
    'an event with a filter',
    { event: 'signup', filter: pro },
    ['and', ['is', 'event', ['signup']], ['is', 'property:plan', ['pro']]],
  ],
  [
    'a page',
    { page: '/blog/**' },
    ['and', ['is', 'event', ['pageview']], ['matches', 'page', ['(?s)^/blog(?:/.*)?$']]],
  ],
  [
    'a page with a filter',
    { page: '/', filter: pro },
    ['and', ['is', 'event', ['pageview']], ['matches', 'page', ['(?s)^/$']], ['is', 'property:plan', ['pro']]],
  ],
])('%s is a filter like any other', (_, target, expected) => {
  expect(toJson(targetFilter(target))).toEqual(expected);
});

it('binds its values', () => {
  const { query, params } = render(filterSql(targetFilter({ page: "/it's/*" }), scope));
  expect(query).not.toContain("it's");
  expect(Object.values(params)).toContain("(?s)^/it's/[^/]*$");
});
