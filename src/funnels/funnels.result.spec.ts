// Do figures become the answer that they mean?
import { definitionOf, type DefinitionWish } from './funnel.definition';
import { shapeOf } from './funnel.question';
import type { FunnelAnswer, FunnelFigures, FunnelQuestion, StepTimes } from './funnel.types';
import { toAttempt, toFigures, toFunnelStats } from './funnels.result';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-03-10T12:00:00Z');

const question = (wish: DefinitionWish, more: Partial<FunnelQuestion> = {}): FunnelQuestion => ({
  ...shapeOf(definitionOf(wish), []),
  project: 1,
  range: { from: Date.parse('2026-03-07T23:00:00Z'), to: Date.parse('2026-03-10T23:00:00Z') },
  timezone: 'Europe/Berlin',
  ...more,
});
const [a, b, c] = [{ event: 'a' }, { event: 'b' }, { event: 'c' }];
const figures = (...counts: number[]): FunnelFigures => ({ steps: counts.map((count) => ({ count })), revenue: [] });
const answer = (total: FunnelFigures, more: Partial<FunnelAnswer> = {}): FunnelAnswer => ({
  total,
  account: {},
  ...more,
});
const shares = (asked: FunnelQuestion, ...counts: number[]) =>
  toFigures(asked, figures(...counts)).steps.map((step) => [
    step.conversionFromFirst,
    step.conversionFromPrevious,
    step.dropOff,
    step.dropOffRate,
  ]);

describe('figures of a funnel', () => {
  it('are shares of the first and of the step before', () => {
    expect(shares(question({ steps: [a, b, c] }), 8, 4, 1)).toEqual([
      [1, 1, 0, 0],
      [0.5, 0.5, 4, 0.5],
      [0.125, 0.25, 3, 0.75],
    ]);
  });

  it('look past optional steps to the one that had to be', () => {
    const asked = question({ steps: [a, { ...b, optional: true }, c] });
    expect(shares(asked, 8, 2, 4)).toEqual([
      [1, 1, 0, 0],
      [0.25, 0.25, 6, 0.75],
      [0.5, 0.5, 4, 0.5],
    ]);
    expect(toFigures(asked, figures(8, 2, 4)).steps.map(({ optional }) => optional)).toEqual([
      undefined,
      true,
      undefined,
    ]);
  });

  it('take an attempt as converted that holds all that it must', () => {
    const { started, converted, conversionRate } = toFigures(
      question({ steps: [a, b, { ...c, optional: true }] }),
      figures(8, 4, 1),
    );
    expect([started, converted, conversionRate]).toEqual([8, 4, 0.5]);
  });

  it('are 0 where nobody came, never a division by nobody', () => {
    const { steps, conversionRate } = toFigures(question({ steps: [a, b] }), figures(0, 0));
    expect(conversionRate).toBe(0);
    expect(steps.map((step) => [step.conversionFromFirst, step.conversionFromPrevious, step.dropOffRate])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(steps.map((step) => [step.secondsFromPrevious, step.secondsFromFirst])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('say how long it took', () => {
    const times: StepTimes = { median: 1.5, p75: 2, p90: 3, histogram: [{ from: 1, to: 2, count: 3 }] };
    const shown = toFigures(question({ steps: [a, b] }), {
      steps: [{ count: 3 }, { count: 3, fromPrevious: times, fromFirst: times }],
      revenue: [{ currency: 'EUR', amount: '1.00' }],
    });
    expect(shown.steps[1]).toMatchObject({ secondsFromPrevious: times, secondsFromFirst: times });
    expect(shown.revenue).toEqual([{ currency: 'EUR', amount: '1.00' }]);
  });

  it('in any order are of so many steps', () => {
    const { steps } = toFigures(question({ steps: [a, b, c], mode: 'any' }), figures(3, 2, 1));
    expect(steps.map(({ name, count }) => [name, count])).toEqual([
      ['1 of 3', 3],
      ['2 of 3', 2],
      ['3 of 3', 1],
    ]);
  });
});

describe('an answer', () => {
  it('has rows by value, and the rest as one of them, last', () => {
    const breakdown = { dimension: 'country', attribution: 'first', step: 1, limit: 1 } as const;
    const rows = [
      { value: 'DE', ...figures(3, 1) },
      { value: null, ...figures(1, 0) },
    ];
    const told = toFunnelStats(
      question({ steps: [a, b] }, { breakdown }),
      answer(figures(6, 2), { rows, other: figures(2, 1) }),
      undefined,
      NOW,
    );
    expect(told.breakdown?.map(({ value, other, started, converted }) => [value, other, started, converted])).toEqual([
      ['DE', undefined, 3, 1],
      [null, undefined, 1, 0],
      [null, true, 2, 1],
    ]);
    expect(told).not.toHaveProperty('trend');
  });

  it('has every bucket, and says which may still grow', () => {
    const asked = question({ steps: [a, b], window: 36 * 3_600 + 3_600 }, { interval: 'day' });
    const second = asked.range.from + DAY;
    const trend = [{ start: second, counts: [4, 1] }];
    // The first day ends on the 8th at 23:00 UTC; 37 hours later it is exactly NOW.
    const told = toFunnelStats(asked, answer(figures(4, 1), { trend }), undefined, NOW);
    expect(told.trend).toEqual([
      {
        time: '2026-03-08T00:00:00.000+01:00',
        counts: [0, 0],
        started: 0,
        converted: 0,
        conversionRate: 0,
        complete: true,
      },
      {
        time: '2026-03-09T00:00:00.000+01:00',
        counts: [4, 1],
        started: 4,
        converted: 1,
        conversionRate: 0.25,
        complete: false,
      },
      {
        time: '2026-03-10T00:00:00.000+01:00',
        counts: [0, 0],
        started: 0,
        converted: 0,
        conversionRate: 0,
        complete: false,
      },
    ]);
    const before = toFunnelStats(asked, answer(figures(4, 1), { trend }), undefined, NOW - 1);
    expect(before.trend?.map(({ complete }) => complete)).toEqual([false, false, false]);
  });

  it('says which funnel it is of, and what was read where that was asked for', () => {
    const funnel = {
      id: 'f',
      name: 'F',
      revision: 2,
      definition: definitionOf({ steps: [a, b] }),
      createdAt: 1,
      updatedAt: 2,
    };
    const account = { approximate: ['count'], sampleFraction: 0.5, explain: { parts: [], rows: 1, bytes: 2, ms: 3 } };
    const meta = (asked: FunnelQuestion) => toFunnelStats(asked, { total: figures(0, 0), account }, funnel, NOW).meta;
    const asked = question({ steps: [a, b] });
    expect(meta(asked)).toEqual({
      funnel: { id: 'f', name: 'F', revision: 2 },
      from: '2026-03-08T00:00:00.000+01:00',
      to: '2026-03-11T00:00:00.000+01:00',
      timezone: 'Europe/Berlin',
      approximate: ['count'],
      sampleFraction: 0.5,
    });
    expect(meta({ ...asked, explain: true }).explain).toEqual(account.explain);
  });
});

describe('an attempt', () => {
  const at = Date.parse('2026-03-08T10:00:00Z');

  it('tells its steps by name and time, without those that were skipped', () => {
    const asked = question({ steps: [a, { ...b, optional: true }, { ...c, name: 'End' }] });
    const events = [
      { step: 1, at },
      { step: 3, at: at + 1_500 },
    ];
    expect(toAttempt(asked, { visitor: 'ff', unit: 'ff', events })).toEqual({
      visitor: 'ff',
      startedAt: '2026-03-08T11:00:00.000+01:00',
      reached: 3,
      steps: [
        { step: 1, name: 'a', time: '2026-03-08T11:00:00.000+01:00', secondsFromStart: 0 },
        { step: 3, name: 'End', time: '2026-03-08T11:00:01.500+01:00', secondsFromStart: 1.5 },
      ],
    });
  });

  it('of a session says when that began', () => {
    const events = [{ step: 1, at }];
    const shown = toAttempt(question({ steps: [a, b], mode: 'any' }), {
      visitor: 'ff',
      unit: 'x',
      events,
      sessionBeganAt: at - HOUR,
    });
    expect(shown.session).toEqual({ beganAt: '2026-03-08T10:00:00.000+01:00' });
    expect(shown.steps[0]?.name).toBe('1 of 2');
  });
});
