import fc from 'fast-check';
import { MINUTE_MS } from '../../common/time-range';
import { type LiveFact, RecentActivity } from './recent-activity';

const NOW = Date.UTC(2026, 2, 1, 12);
const nothing = { visitors: [], seconds: [], latestIds: [] };

/** Whole seconds, as figures of events are kept by the second. */
const aFact = fc.record({
  id: fc.uuid(),
  at: fc.integer({ min: -40 * 60, max: 60 }).map((seconds) => NOW + seconds * 1_000),
  visitor: fc.constantFrom('v1', 'v2', 'v3', 'v4'),
  pageview: fc.boolean(),
});

const counted = (facts: readonly LiveFact[], now: number) => {
  const within = (ms: number) => facts.filter(({ at }) => at <= now && at > now - ms);
  const visitors = (ms: number) => new Set(within(ms).map(({ user, visitor }) => user ?? visitor)).size;
  const views = (ms: number) => within(ms).filter(({ pageview }) => pageview).length;
  const [short, long] = [5 * MINUTE_MS, 30 * MINUTE_MS];
  return {
    visitors5m: visitors(short),
    visitors30m: visitors(long),
    pageviews5m: views(short),
    pageviews30m: views(long),
    events5m: within(short).length,
    events30m: within(long).length,
  };
};

describe('figures of the last minutes', () => {
  it('are those of a count from the beginning, whenever they are asked', () =>
    fc.assert(
      fc.property(fc.array(aFact), fc.array(fc.nat(300), { maxLength: 5 }), (facts, waits) => {
        const activity = new RecentActivity(nothing, [], NOW);
        for (const fact of facts) activity.add(fact, NOW);
        let now = NOW;
        for (const wait of [0, ...waits]) {
          now += wait * 1_000;
          expect(activity.figures(now)).toEqual(counted(facts, now));
        }
      }),
    ));

  it('count no event twice that the warehouse had and that was told of too', () => {
    const fact = { id: 'a', at: NOW - 1_000, visitor: 'v', pageview: true };
    const rows = {
      visitors: [{ visitor: 'v', identity: 'v', lastMs: fact.at }],
      seconds: [{ second: fact.at / 1_000, events: 1, pageviews: 1 }],
      latestIds: ['a'],
    };
    const activity = new RecentActivity(rows, [fact, { ...fact, id: 'b' }], NOW);
    expect(activity.figures(NOW)).toMatchObject({ visitors5m: 1, events5m: 2, pageviews30m: 2 });
  });

  it('know a visitor by the user that it turns out to be, and keep the first', () => {
    const rows = { ...nothing, visitors: [{ visitor: 'old', identity: 'user', lastMs: NOW - 1_000 }] };
    const activity = new RecentActivity(rows, [], NOW);
    const add = (id: string, visitor: string, user?: string): void =>
      activity.add({ id, at: NOW, visitor, pageview: false, ...(user === undefined ? {} : { user }) }, NOW);
    add('1', 'new');
    expect(activity.figures(NOW).visitors5m).toBe(2);
    add('2', 'new', 'user');
    expect(activity.figures(NOW).visitors5m).toBe(1);
    add('3', 'old', 'other');
    add('4', 'old');
    expect(activity.figures(NOW).visitors5m).toBe(2);
  });

  it('take visitors from the warehouse where they are too many to list', () => {
    const activity = new RecentActivity({ ...nothing, counted: { visitors5m: 70_000, visitors30m: 90_000 } }, [], NOW);
    activity.add({ id: 'a', at: NOW, visitor: 'v', pageview: true }, NOW);
    expect(activity.figures(NOW)).toMatchObject({ visitors5m: 70_000, visitors30m: 90_000, events5m: 1 });
  });
});
