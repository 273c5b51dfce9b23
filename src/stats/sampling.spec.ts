// From how many events on is a sample read, and of how many visitors?
import type { StatsPlan } from './stats.plan';
import type { StatsQuery } from './stats.types';
import { sampleFor } from './sampling';

const query = { metrics: ['visitors'], groupings: [] } as unknown as StatsQuery;
const of = (sessions: boolean, events: number, asked = query): number | undefined =>
  sampleFor(asked, { needs: { sessions } } as StatsPlan, events);

it('reads all of a range that is no more than a chart can wait for', () => {
  expect([2_000_000, 2_000_001, 4_000_000, 4_000_001].map((events) => of(false, events))).toEqual([undefined, 2, 2, 4]);
});

it('reads fewer where sessions must be cut, and all of still fewer', () => {
  const events = [250_000, 250_001, 400_000, 400_001, 800_000, 800_001];
  expect(events.map((count) => of(true, count))).toEqual([undefined, 2, 2, 2, 2, 4]);
});

it('reads all where a figure of some visitors says nothing of the others', () => {
  expect(of(true, 1e9, { ...query, metrics: ['uniq(property:plan)'] })).toBeUndefined();
  const filter = { kind: 'test', dimension: 'visitor', op: 'is', values: ['v1'] } as const;
  expect(of(false, 1e9, { ...query, filter })).toBeUndefined();
});
