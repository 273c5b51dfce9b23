// Are the first rows the first, however ranks and figures differ, and are few values read for them?
import * as fc from 'fast-check';
import { firstRows, type RankedValue } from './first-rows';

interface Row {
  readonly value: string;
  readonly figure: number;
}

/** Values with their figures, as a warehouse gives them. */
const warehouse = (all: readonly (RankedValue & { figure: number; hidden?: boolean })[], limit: number) => {
  const reads: number[] = [];
  const inOrder = all.toSorted((a, b) => b.rank - a.rank || (a.value < b.value ? -1 : 1));
  const rowsOf = (values: readonly string[]): Row[] =>
    all
      .filter(({ value, hidden }) => values.includes(value) && hidden !== true)
      .map(({ value, figure }) => ({ value, figure }))
      .sort((a, b) => b.figure - a.figure || (a.value < b.value ? -1 : 1))
      .slice(0, limit);
  return {
    reads,
    all: rowsOf(all.map(({ value }) => value)),
    asked: {
      limit,
      slack: 1,
      figureOf: ({ figure }: Row) => figure,
      values: async (count: number) => inOrder.slice(0, count),
      rows: async (values: readonly RankedValue[]) => {
        reads.push(values.length);
        return rowsOf(values.map(({ value }) => value));
      },
    },
  };
};

it('finds the first rows of any values', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ figure: fc.integer({ min: 1, max: 50 }), more: fc.nat(60), hidden: fc.boolean() }), {
        maxLength: 300,
      }),
      fc.integer({ min: 1, max: 12 }),
      async (shapes, limit) => {
        const values = shapes.map(({ figure, more, hidden }, at) => ({
          value: `v${at}`,
          rank: figure + more,
          figure,
          hidden,
        }));
        const { asked, all } = warehouse(values, limit);
        expect(await firstRows(asked)).toEqual(all);
      },
    ),
  ));

it('finds them among more values than are listed at first, level or not', async () => {
  const many = Array.from({ length: 9_500 }, (_, at) => ({ value: String(at), rank: 7, figure: 7 }));
  const last = { value: 'z', rank: 7, figure: 7.5 };
  const { asked } = warehouse([...many, last], 3);
  expect((await firstRows(asked))[0]).toEqual({ value: 'z', figure: 7.5 });
});

it('reads a quarter more values than it wants where the next one is far behind', async () => {
  const values = Array.from({ length: 900 }, (_, at) => ({
    value: String(at),
    rank: 1e6 / 2 ** at,
    figure: 9e5 / 2 ** at,
  }));
  const { asked, reads } = warehouse(values, 5);
  await firstRows(asked);
  expect(reads).toEqual([7]);
});

it('reads those that are near once more, and no others', async () => {
  const values = Array.from({ length: 900 }, (_, at) => ({ value: String(at), rank: 1_000 - at, figure: 900 - at }));
  const { asked, reads } = warehouse(values, 5);
  await firstRows(asked);
  // The fifth row has 896: as many values as have a rank of that, the one that is level included.
  expect(reads).toEqual([7, 105]);
});
