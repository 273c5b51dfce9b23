// Does a request become the question that it asks?
import { decodeCursor, encodeCursor } from '../common/cursor';
import type { Problem } from '../common/problem';
import { attemptsOf, cursorValues, filterOf, lastRequired, questionOf, readPlace, spanOfWalk } from './funnel-inquiry';
import type { FunnelVisitorsQuery } from './funnel-stats.dto';
import { definitionOf } from './funnel.definition';
import { shapeOf } from './funnel.question';

const SHAPE = shapeOf(definitionOf({ steps: [{ event: 'a' }, { event: 'b' }, { event: 'c', optional: true }] }), []);
const SPAN = { range: { from: 1_000, to: 2_000 }, timezone: 'UTC' };
const question = (request: Parameters<typeof questionOf>[0]) => questionOf(request, SHAPE, undefined, 7, SPAN);
const attempts = (request: FunnelVisitorsQuery) => attemptsOf(request, SHAPE);

const faultOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    const [fault] = (error as Problem).extra.errors ?? [];
    return `${fault?.path} ${fault?.code}`;
  }
  return 'taken';
};

describe('a question about figures', () => {
  it('has what was said, and nothing that was not', () => {
    expect(question({})).toEqual({ ...SHAPE, project: 7, ...SPAN });
    const said = { interval: 'day', precision: 'exact', explain: true } as const;
    expect(question(said)).toEqual({ ...SHAPE, project: 7, ...SPAN, ...said });
  });

  it('tells apart by the first step, in ten rows, where nothing else is said', () => {
    const { breakdown } = question({ breakdown: 'country' });
    expect(breakdown).toEqual({ dimension: 'country', attribution: 'first', step: 1, limit: 10 });
    const step = question({ breakdown: 'property:plan', attribution: 'step', attributionStep: 3, limit: 100 });
    expect(step.breakdown).toEqual({ dimension: 'property:plan', attribution: 'step', step: 3, limit: 100 });
  });

  it.each([
    [{ breakdown: 'goal' }, 'breakdown not_a_breakdown'],
    [{ breakdown: 'visitor' }, 'breakdown not_a_breakdown'],
    [{ breakdown: 'property:' }, 'breakdown unknown_dimension'],
    [{ breakdown: 'page', attribution: 'step' }, 'attributionStep required'],
    [{ breakdown: 'page', attribution: 'last', attributionStep: 1 }, 'attributionStep unexpected'],
    [{ breakdown: 'page', attributionStep: 1 }, 'attributionStep unexpected'],
    [{ breakdown: 'page', attribution: 'step', attributionStep: 3 }, 'taken'],
    [{ breakdown: 'page', attribution: 'step', attributionStep: 4 }, 'attributionStep out_of_range'],
  ] as const)('%j: %s', (request, fault) => {
    expect(faultOf(() => question(request))).toBe(fault);
  });

  it('takes filters as text or as a tree', () => {
    expect(filterOf('["is","page",["/"]]', [])).toEqual(filterOf(['is', 'page', ['/']], []));
    expect(filterOf(undefined, [])).toBeUndefined();
    expect(faultOf(() => filterOf('{', []))).toBe('filters invalid_json');
    expect(faultOf(() => filterOf(['is', 'goal', ['None']], []))).toBe('filters[2][0] unknown_goal');
  });
});

describe('a question about visitors', () => {
  it('is about the last step that is not optional, and asks for one more than a page', () => {
    expect(lastRequired(SHAPE)).toBe(2);
    expect(attempts({})).toEqual({ step: 2, dropped: false, limit: 51 });
    expect(attempts({ step: 3, limit: 10 })).toEqual({ step: 3, dropped: false, limit: 11 });
  });

  it('takes either word for those who gave up', () => {
    const wish = { step: 1, dropped: true, limit: 51 };
    expect(attempts({ step: 1, dropped: true })).toEqual(wish);
    expect(attempts({ step: 1, state: 'dropped' })).toEqual(wish);
    expect(attempts({ step: 1, state: 'dropped', dropped: true })).toEqual(wish);
    expect(attempts({ step: 1, dropped: false }).dropped).toBe(false);
  });

  it.each<[FunnelVisitorsQuery, string]>([
    [{ state: 'dropped', dropped: false }, 'dropped contradiction'],
    [{ state: 'converted', dropped: true, step: 1 }, 'dropped contradiction'],
    [{ dropped: true }, 'step required'],
    [{ dropped: true, step: 2 }, 'taken'],
    [{ dropped: true, step: 3 }, 'step out_of_range'],
    [{ step: 3 }, 'taken'],
    [{ step: 4 }, 'step out_of_range'],
  ])('%j: %s', (request, fault) => {
    expect(faultOf(() => attempts(request))).toBe(fault);
  });
});

describe('a walk through visitors', () => {
  const place = { after: { startedAt: 1_500, unit: 'ff' }, range: SPAN.range, revision: 2 };

  it('goes on from where its cursor says', () => {
    expect(readPlace(encodeCursor(cursorValues(place)))).toEqual(place);
  });

  it('goes on in the range that it began with', () => {
    const later = { ...SPAN, range: { from: 1_100, to: 2_100 } };
    expect(spanOfWalk(later, 'today', place)).toEqual(SPAN);
    expect(spanOfWalk(later, undefined, undefined)).toEqual(later);
    expect(faultOf(() => spanOfWalk(later, undefined, place))).toBe('cursor invalid_cursor');
  });

  it.each<(string | number)[]>([
    [1.5, 'ff', 1, 2, 1],
    [1, 'f\0', 1, 2, 1],
    [1, 'f'.repeat(201), 1, 2, 1],
    [1, 'ff', 2, 2, 1],
    [1, 'ff', 1, 8.64e15, 1],
    [1, 'ff', 1, 2, 0],
    [1, 'ff', 1, 2, 2 ** 31],
    [1, 'ff', 1, 2],
  ])('is refused with a cursor of %j', (...values) => {
    const cursor = encodeCursor(values);
    expect(
      decodeCursor(
        cursor,
        values.map((value) => (typeof value === 'string' ? 'string' : 'number')),
      ),
    ).toEqual(values);
    expect(faultOf(() => readPlace(cursor))).toBe('cursor invalid_cursor');
  });
});
