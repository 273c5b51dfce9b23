// Is the number of a cell's visitors the one that its state says, for rows of before the number was kept and for new ones?
import { readEnv, StoreUrls } from '../../src/config/env';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { sql, uint32 } from '../../src/platform/clickhouse/sql';
import { aClickHouseDatabase, until } from '../support';

let clickhouse: ClickHouse;

afterAll(() => clickhouse.onApplicationShutdown());

/** A cell of so many visitors, as the server stores them. */
const store = (visitors: number) => sql`
  INSERT INTO rollup_totals (project_id, version, grain, start, visitors, visitors_fine)
  SELECT 1, ${uint32(visitors)}, 'c', toDateTime('2026-03-01 00:00:00'), uniqCombinedState(12)(number), uniqCombinedState(14)(number)
  FROM numbers(${uint32(visitors)})`;

interface Row {
  visitors: number;
  counted: number;
  merged: number;
}

const counts = (): Promise<Row[]> =>
  clickhouse.rows<Row>(
    sql`SELECT version AS visitors, any(visitor_count) AS counted, uniqCombinedMerge(14)(visitors_fine) AS merged
        FROM rollup_totals GROUP BY version ORDER BY version`,
    { purpose: 'test' },
  );

const pending = (): Promise<{ left: number }[]> =>
  clickhouse.rows(
    sql`SELECT count() AS left FROM system.mutations WHERE database = currentDatabase() AND NOT is_done`,
    {
      purpose: 'test',
    },
  );

it('is there for rows that were stored before, at once and for good, and for new ones', async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined, 6);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  await clickhouse.run(store(700));
  await clickhouse.run(store(90_000));
  await migrateClickHouse(url, undefined);
  await clickhouse.run(store(40_000));
  const isRight = ({ visitors, counted, merged }: Row): boolean =>
    counted === merged && Math.abs(counted - visitors) < visitors / 20;
  const first = await counts();
  expect(first.map(({ visitors }) => visitors)).toEqual([700, 40_000, 90_000]);
  expect(first.every(isRight)).toBe(true);
  const [rest] = await until(pending, ([row]) => row?.left === 0);
  expect(rest?.left).toBe(0);
  expect(await counts()).toEqual(first);
});
