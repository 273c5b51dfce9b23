// Does the scan go as far as sessions do, and no further?
import { DAY_MS, HOUR_MS, type TimeRange } from '../../common/time-range';
import { render } from '../../platform/clickhouse/sql';
import { fewEvents, findSessionScan, hasNamed, uncutSessions, type RunQuery } from './session-scan';
import { STORABLE } from './source';

const range: TimeRange = { from: Date.UTC(2026, 2, 7), to: Date.UTC(2026, 2, 8) };

/** A warehouse in which one visitor's session goes on through the first looks. */
const warehouse = (looksCut: { before: number; after: number }, named = false, visitors = ['11']) => {
  let look = 0;
  const run = async (query: Parameters<RunQuery>[0]): Promise<unknown[]> => {
    const { query: text } = render(query);
    if (text.includes('AS found')) return [{ found: Number(named) }];
    if (text.includes('AS side')) {
      look += 1;
      return (['before', 'after'] as const)
        .filter((side) => look <= looksCut[side])
        .map((side) => ({ side, visitors, identities: ['77'] }));
    }
    return [{ visitor: '12' }];
  };
  return run as RunQuery;
};

it('looks two hours to each side where no session goes on', async () => {
  expect(await findSessionScan(warehouse({ before: 0, after: 0 }), 7, range)).toEqual({
    near: { from: range.from - 2 * HOUR_MS, to: range.to + 2 * HOUR_MS },
  });
});

it('looks six hours to each side for a sample', async () => {
  expect(await findSessionScan(warehouse({ before: 0, after: 0 }), 7, range, { of: 4 })).toEqual({
    near: { from: range.from - 6 * HOUR_MS, to: range.to + 6 * HOUR_MS },
  });
});

it('reads beside a short range only who belongs to somebody in it', async () => {
  const short = { from: range.from, to: range.from + HOUR_MS };
  expect(await findSessionScan(warehouse({ before: 0, after: 0 }), 7, short)).toMatchObject({ related: ['12'] });
});

it('looks up who that is where there are too many to list, but for a sample', async () => {
  const short = { from: range.from, to: range.from + HOUR_MS };
  const run = warehouse({ before: 0, after: 0 });
  const crowd = (async (query: Parameters<RunQuery>[0]) =>
    render(query).query.includes('AS visitor FROM')
      ? Array.from({ length: 3_001 }, (_, at) => ({ visitor: String(at) }))
      : run(query)) as RunQuery;
  expect((await findSessionScan(crowd, 7, short)).related).toEqual({ seenIn: short });
  expect((await findSessionScan(crowd, 7, short, { of: 4 })).related).toBeUndefined();
});

it('looks two days to each side where sessions have ids', async () => {
  expect(await findSessionScan(warehouse({ before: 0, after: 0 }, true), 7, range)).toEqual({
    near: { from: range.from - 2 * DAY_MS, to: range.to + 2 * DAY_MS },
  });
});

it('follows who goes on though sessions have ids', async () => {
  const { far } = await findSessionScan(warehouse({ before: 2, after: 0 }, true), 7, range);
  expect(far?.range).toEqual({ from: range.from - 12 * DAY_MS, to: range.to + 12 * DAY_MS });
});

it('follows a visitor who never rests, with all that belongs to them, on the side that is not cut', async () => {
  const { far } = await findSessionScan(warehouse({ before: 3, after: 1 }), 7, range);
  expect(far).toEqual({
    range: { from: range.from - 432 * HOUR_MS, to: range.to + 12 * HOUR_MS },
    visitors: ['11', '77', '12'],
  });
});

it('looks further for all where too many go on', async () => {
  const many = Array.from({ length: 4_000 }, (_, at) => String(at));
  expect(await findSessionScan(warehouse({ before: 1, after: 0 }, false, many), 7, range)).toMatchObject({
    near: { from: range.from - 12 * HOUR_MS, to: range.to + 2 * HOUR_MS },
  });
});

it('ends where no event can be', async () => {
  const { far } = await findSessionScan(warehouse({ before: 99, after: 99 }), 7, range);
  expect(far?.range.from).toBeLessThanOrEqual(STORABLE.from);
  expect(far?.range.to).toBeGreaterThanOrEqual(STORABLE.to);
});

it('asks by SQL whose every value is bound', () => {
  const scan = { from: range.from - 2 * HOUR_MS, to: range.to + 2 * HOUR_MS };
  expect(render(uncutSessions(7, range, scan))).toMatchSnapshot('beyond');
  expect(render(fewEvents(7))).toMatchSnapshot('few');
  expect(render(hasNamed(7, range.from, range.to))).toMatchSnapshot('named');
});
