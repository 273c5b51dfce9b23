// Does the scan go as far as sessions do, and no further?
import { DAY_MS, type TimeRange } from '../../common/time-range';
import { render } from '../../platform/clickhouse/sql';
import { cutChains, findSessionScan, namedExtent, type RunQuery } from './session-scan';
import { STORABLE } from './source';

const range: TimeRange = { from: Date.UTC(2026, 2, 7), to: Date.UTC(2026, 2, 8) };

/** A warehouse whose sessions without an id are cut by the first looks of a day and more. */
const warehouse = (looksCut: { before: number; after: number }, named?: TimeRange) => {
  let look = 0;
  const run = async (query: Parameters<RunQuery>[0]): Promise<unknown[]> => {
    const { query: text } = render(query);
    if (text.includes('AS before')) {
      look += 1;
      return [{ before: Number(look <= looksCut.before), after: Number(look <= looksCut.after) }];
    }
    if (named === undefined) return [];
    return text.includes('AS found') ? [{ found: 1 }] : [named];
  };
  return run as RunQuery;
};

it('looks a day to each side where no session goes on', async () => {
  expect(await findSessionScan(warehouse({ before: 0, after: 0 }), 7, range)).toEqual({
    chains: { from: range.from - DAY_MS, to: range.to + DAY_MS },
  });
});

it('looks four times as far on the side that is cut, until none is', async () => {
  expect(await findSessionScan(warehouse({ before: 2, after: 1 }), 7, range)).toEqual({
    chains: { from: range.from - 16 * DAY_MS, to: range.to + 4 * DAY_MS },
  });
});

it('ends where no event can be', async () => {
  const { chains } = await findSessionScan(warehouse({ before: 99, after: 99 }), 7, range);
  expect(chains.from).toBeLessThanOrEqual(STORABLE.from);
  expect(chains.to).toBeGreaterThanOrEqual(STORABLE.to);
});

it('goes as far as the sessions with an id that the range has', async () => {
  const named = { from: range.from - 40 * DAY_MS, to: range.to + 1 };
  expect((await findSessionScan(warehouse({ before: 0, after: 0 }, named), 7, range)).named).toEqual(named);
});

it('asks by SQL whose every value is bound', () => {
  expect(render(cutChains(7, range, { from: range.from - DAY_MS, to: range.to + DAY_MS }))).toMatchSnapshot('beyond');
  expect(render(namedExtent(7, range))).toMatchSnapshot('named');
});
