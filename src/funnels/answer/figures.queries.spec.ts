import { type Sample, targetFilter } from '../../events/query';
import { render } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { canBeInAnyOrder, kindsOf } from './any-order';
import { attemptsSql, figuresSql } from './figures.queries';

const FROM = Date.UTC(2026, 2, 1);

const stepOf = (event: string, optional = false) => ({ name: event, target: targetFilter({ event }), optional });

const question: FunnelQuestion = {
  project: 7,
  range: { from: FROM, to: FROM + 86_400_000 },
  timezone: 'UTC',
  steps: [stepOf('view'), stepOf("it's"), stepOf('buy')],
  mode: 'ordered',
  windowMs: 3_600_000,
  countBy: 'visitor',
  exclusions: [],
  holdConstant: [],
};
const written = (more: Partial<FunnelQuestion>, sample?: Sample) =>
  render(figuresSql({ ...question, ...more }, { sample }));

it.each<[what: string, question: Partial<FunnelQuestion> & { sample?: Sample }]>([
  ['steps in order', {}],
  ['nothing between the steps', { mode: 'strict' }],
  ['steps in any order', { mode: 'any' }],
  ['an optional step', { steps: [stepOf('view'), stepOf('look', true), stepOf('buy')] }],
  ['an exclusion', { exclusions: [{ target: targetFilter({ event: 'back' }), fromStep: 1, toStep: 3 }] }],
  ['a value held constant', { holdConstant: ['property:plan'] }],
  [
    'rows and buckets of a sample',
    {
      breakdown: { dimension: 'country', attribution: 'first', step: 1, limit: 10 },
      interval: 'hour',
      sample: { of: 16 },
    },
  ],
])('writes %s with every value bound', (_, { sample, ...more }) => {
  expect(written(more, sample)).toMatchSnapshot();
});

it('writes a page of attempts', () => {
  const wish = { step: 2, dropped: true, limit: 51, after: { startedAt: FROM + 5, unit: 'f000000000000001' } };
  expect(render(attemptsSql(question, wish, {}))).toMatchSnapshot();
});

it('knows which steps can be the same event', () => {
  const page = (glob: string) => ({ name: glob, target: targetFilter({ page: glob }), optional: false });
  const kinds = kindsOf([stepOf('a'), page('/x'), stepOf('a'), page('/**')]);
  expect(kinds.map(({ same, steps }) => ({ same, steps }))).toEqual([
    { same: true, steps: [1, 3] },
    { same: false, steps: [2, 4] },
  ]);
});

it('can tell eight steps apart that may be the same event, and no more', () => {
  const pages = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      name: String(at),
      target: targetFilter({ page: `/${at}` }),
      optional: false,
    }));
  expect([7, 8, 9].map((count) => canBeInAnyOrder(pages(count)))).toEqual([true, true, false]);
  expect(canBeInAnyOrder(Array.from({ length: 20 }, () => stepOf('a')))).toBe(true);
});
