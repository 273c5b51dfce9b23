import fc from 'fast-check';
import { MINUTE_MS } from '../../common/time-range';
import { type LiveFact, RecentActivity, type RecentRows } from './recent-activity';

const NOW = Date.UTC(2026, 2, 1, 12);
const nothing = { until: NOW - 3_600_000, latestFrom: 0, visitors: [], seconds: [], latestIds: [] };

/** Whole seconds, as figures of events are kept by the second. */
const aFact = fc.record({
  id: fc.uuid(),
  at: fc.integer({ min: -40 * 60, max: 60 }).map((seconds) => NOW + seconds * 1_000),
  receivedAt: fc.constant(NOW),
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

const LATEST_FROM = NOW - 10_000;

/** What the warehouse says of facts that are stored. */
const rowsOf = (facts: readonly LiveFact[], now: number): RecentRows => {
  const recent = facts.filter(({ at }) => at <= now && at > now - 30 * MINUTE_MS);
  return {
    until: now,
    latestFrom: LATEST_FROM,
    latestIds: recent.filter(({ receivedAt }) => receivedAt >= LATEST_FROM).map(({ id }) => id),
    visitors: [...new Set(recent.map(({ visitor }) => visitor))].map((visitor) => ({
      visitor,
      identity: visitor,
      lastMs: Math.max(...recent.filter((one) => one.visitor === visitor).map(({ at }) => at)),
    })),
    seconds: [...new Set(recent.map(({ at }) => at / 1_000))].map((second) => {
      const then = recent.filter(({ at }) => at === second * 1_000);
      return { second, events: then.length, pageviews: then.filter(({ pageview }) => pageview).length };
    }),
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
    const fact = { id: 'a', at: NOW - 1_000, receivedAt: NOW - 500, visitor: 'v', pageview: true };
    const rows = {
      until: NOW,
      latestFrom: NOW - 10_000,
      visitors: [{ visitor: 'v', identity: 'v', lastMs: fact.at }],
      seconds: [{ second: fact.at / 1_000, events: 1, pageviews: 1 }],
      latestIds: ['a'],
    };
    const activity = new RecentActivity(rows, [fact, { ...fact, id: 'b' }], NOW);
    expect(activity.figures(NOW)).toMatchObject({ visitors5m: 1, events5m: 2, pageviews30m: 2 });
    const late = new RecentActivity(rows, [], NOW);
    late.add(fact, NOW + 100);
    late.add({ ...fact, id: 'b' }, NOW + 100);
    expect(late.figures(NOW + 100)).toMatchObject({ events5m: 2, pageviews30m: 2 });
    expect(late.isBehind).toBe(false);
  });

  it('leave out what waited so long to be stored that the warehouse may or may not have had it, and say so', () => {
    const waited = { id: 'a', at: NOW - 60_000, receivedAt: NOW - 60_000, visitor: 'v', pageview: true };
    const rows = { ...nothing, until: NOW, latestFrom: NOW - 10_000 };
    for (const known of [new RecentActivity(rows, [waited], NOW), new RecentActivity(rows, [], NOW)]) {
      known.add(waited, NOW);
      expect(known.figures(NOW)).toMatchObject({ visitors5m: 0, events5m: 0, events30m: 0 });
      expect(known.isBehind).toBe(true);
    }
    // Its time had not come when the warehouse was asked: it was not read.
    const ahead = new RecentActivity(rows, [{ ...waited, at: NOW + 2_000 }], NOW);
    expect([ahead.isBehind, ahead.ahead.length]).toEqual([false, 1]);
    expect(ahead.figures(NOW + 2_000)).toMatchObject({ events5m: 1 });
  });

  it('are what is stored, however long each event waited and whenever it is told of', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ fact: aFact, waitedMs: fc.integer({ min: 0, max: 120_000 }), told: fc.nat(3) })),
        (stored) => {
          const facts = stored.map(({ fact, waitedMs }, at) => ({
            ...fact,
            id: `${at}`,
            at: Math.min(fact.at, NOW),
            receivedAt: NOW - waitedMs,
          }));
          const rows = rowsOf(facts, NOW);
          const when = (told: number): LiveFact[] => facts.filter((_, at) => stored[at]!.told === told);
          // Told while the warehouse was asked, or after; the others before.
          const activity = new RecentActivity(rows, when(1), NOW);
          for (const fact of when(2)) activity.add(fact, NOW);
          expect(activity.figures(NOW)).toEqual(counted(facts, NOW));
        },
      ),
    ));

  it('know a visitor by the user that it turns out to be, and keep the first', () => {
    const rows = { ...nothing, visitors: [{ visitor: 'old', identity: 'user', lastMs: NOW - 1_000 }] };
    const activity = new RecentActivity(rows, [], NOW);
    const add = (id: string, visitor: string, user?: string): void =>
      activity.add(
        { id, at: NOW, receivedAt: NOW, visitor, pageview: false, ...(user === undefined ? {} : { user }) },
        NOW,
      );
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
    activity.add({ id: 'a', at: NOW, receivedAt: NOW, visitor: 'v', pageview: true }, NOW);
    expect(activity.figures(NOW)).toMatchObject({ visitors5m: 70_000, visitors30m: 90_000, events5m: 1 });
  });
});
