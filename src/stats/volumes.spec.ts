// When is a question read from a sample? Where so many events lie in its range that all of them would take too long.
import type { RollupSnapshots } from '../aggregation';
import type { ChangeLog } from '../events/changes';
import { parseFilter } from '../events/query';
import type { Precision } from './stats.types';
import { Volumes } from './volumes';

const DAY = { from: 0, to: 86_400_000 };
const volumesOf = (events: number): Volumes =>
  new Volumes({ of: async () => ({ cells: [{ ...DAY, events }], stale: [] }) } as unknown as RollupSnapshots);
const sampleOf = async (events: number, question: object): Promise<number | undefined> =>
  (await volumesOf(events).sampleFor({ project: 1, ...question }, 'UTC', DAY, 1_000))?.of;

it('is read whole up to the most that is read at once, and by powers of two beyond', async () => {
  expect(await sampleOf(999, {})).toBeUndefined();
  expect(await sampleOf(1_000, {})).toBeUndefined();
  expect(await sampleOf(1_001, {})).toBe(2);
  expect(await sampleOf(4_000, {})).toBe(4);
  expect(await sampleOf(4_001, {})).toBe(8);
});

it('counts the share of a cell that the range holds', async () => {
  const half = { from: 0, to: DAY.to / 2 };
  expect(await volumesOf(2_000).sampleFor({ project: 1 }, 'UTC', half, 1_000)).toBeUndefined();
  expect(await volumesOf(2_002).sampleFor({ project: 1 }, 'UTC', half, 1_000)).toMatchObject({ of: 2 });
  expect(await volumesOf(2_002).sampleFor({ project: 1 }, 'UTC', { from: 5, to: 5 }, 1_000)).toBeUndefined();
});

it('is read whole where exact figures are asked for', async () => {
  expect(await sampleOf(5_000, { precision: 'exact' })).toBeUndefined();
  expect(await sampleOf(5_000, { precision: 'auto' })).toBe(8);
});

it.each([
  ['a filter', { filter: parseFilter(['and', ['is', 'country', ['DE']], ['is', 'visitor', ['somebody']]]) }],
  ['a filter on what visitors did', { filter: parseFilter(['did', ['is', 'visitor', ['somebody']]]) }],
  ['a step', { steps: [{ name: 'one', target: parseFilter(['is', 'visitor', ['somebody']]) }] }],
  ['a breakdown', { breakdown: { dimension: 'visitor', limit: 3 } }],
])('is read whole where %s is about single visitors', async (_, question) => {
  expect(await sampleOf(5_000, question)).toBeUndefined();
});

it('knows a dimension from a value that looks like one', async () => {
  expect(await sampleOf(5_000, { filter: parseFilter(['is', 'country', ['"dimension":"visitor"']]) })).toBe(8);
});

it('reads copies where the range is long, of what is not stale and of those that hold the sample', async () => {
  const day = (at: number, copy?: { version: number; of: number; sequences?: boolean }) => ({
    from: at * DAY.to,
    to: (at + 1) * DAY.to,
    events: 1,
    copy,
  });
  const cells = [
    day(0, { version: 1, of: 128 }),
    day(1, { version: 2, of: 128 }),
    day(2),
    day(3, { version: 4, of: 512 }),
  ];
  const stale = [{ from: 0, to: 900_000 }];
  const owing = { owes: () => true } as unknown as ChangeLog;
  const copiesOf = async (of: number, days: number, changes?: ChangeLog): Promise<unknown> => {
    const snapshots = { of: async () => ({ cells, stale }) } as unknown as RollupSnapshots;
    return (await new Volumes(snapshots, changes).of(1, 'UTC', { from: 0, to: days * DAY.to })).sample(of)?.copies;
  };
  expect(await copiesOf(256, 60)).toEqual({ stretches: [{ from: 900_000, to: 2 * DAY.to }], versions: [1, 2] });
  expect(await copiesOf(512, 60)).toMatchObject({ versions: [1, 2, 4] });
  expect(await copiesOf(64, 60)).toBeUndefined();
  expect(await copiesOf(256, 59)).toBeUndefined();
  expect(await copiesOf(256, 60, owing)).toBeUndefined();
});

it('reads sequences of cells that have them, whatever the range, and of a sample where it would be too much', async () => {
  const cells = [0, 1, 2].map((at) => ({
    from: at * DAY.to,
    to: (at + 1) * DAY.to,
    events: 1_000,
    copy: { version: at + 1, of: 128, sequences: at > 0 },
  }));
  const snapshots = { of: async () => ({ cells, stale: [] }) } as unknown as RollupSnapshots;
  const read = { from: 0, to: 3 * DAY.to };
  const asked = async (most: number, precision?: Precision, changes?: ChangeLog) =>
    new Volumes(snapshots, changes).sequencesFor({ project: 1, precision }, 'UTC', read, most);
  const kept = { versions: [2, 3], around: { from: DAY.to, to: 3 * DAY.to }, rest: [DAY] };
  expect(await asked(3_000)).toEqual({ kept, sample: undefined });
  expect(await asked(2_999)).toEqual({ kept, sample: { of: 2 } });
  expect(await asked(750)).toEqual({ kept, sample: { of: 4 } });
  expect(await asked(749)).toEqual({ kept, sample: { of: 8 } });
  expect(await asked(1, 'exact')).toEqual({ kept, sample: undefined });
  expect(await asked(1, 'exact', { owes: () => true } as unknown as ChangeLog)).toBeUndefined();
});
