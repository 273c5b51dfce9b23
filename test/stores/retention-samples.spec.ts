// Are estimates of who comes back as good as they say? On many cohorts, beside the exact answer.
import { DAY_MS } from '../../src/common/time-range';
import { toLifecycle, toStickiness } from '../../src/stats/retention/activity.result';
import type { RetentionQuery } from '../../src/stats/retention/retention.dto';
import { lifecycleQuestion, retentionQuestion, stickinessQuestion } from '../../src/stats/retention/retention.request';
import { toRetention } from '../../src/stats/retention/retention.result';
import { aRetentionHarness, type RetentionHarness } from '../support/retention-world';

const FIRST = Date.UTC(2026, 4, 4);
const DAYS = 14;
const PROJECT = 7;
/** One of so many visitors is read. */
const SAMPLE = 8;

let harness: RetentionHarness;
beforeAll(async () => {
  harness = await aRetentionHarness(1_000_000 * SAMPLE);
  // 3,000 visitors begin on each day, and come back on each of the next 12 with a chance that falls; some of them are one user with two devices.
  await harness.clickhouse.run(`
    INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id, user_id, country)
    SELECT ${PROJECT}, toDateTime64('2026-05-04 06:00:00', 3, 'UTC') + toIntervalMillisecond((intDiv(visitor, 3000) + step) * 86400000 + cityHash64(visitor) % 40000000) AS ts,
      ts, generateUUIDv4(), 'pageview', cityHash64(visitor, step % 2 = 1 AND visitor % 50 = 0), if(visitor % 50 = 0, cityHash64(visitor, 'u'), 0),
      if(cityHash64(visitor, 'c') % 3 = 0, 'DE', 'FR')
    FROM (SELECT intDiv(number, 12) AS visitor, number % 12 AS step FROM numbers(${DAYS} * 3000 * 12))
    WHERE step = 0 OR cityHash64(visitor, step) % 100 < 60 - 4 * step`);
  await harness.clickhouse.run(`
    INSERT INTO visitor_links (project_id, visitor_id, user_id, first_at)
    SELECT project_id, visitor_id, user_id, min(ts) FROM events WHERE project_id = ${PROJECT} AND user_id != 0 GROUP BY ALL`);
});
afterAll(() => harness.clickhouse.onApplicationShutdown());

const around = {
  project: PROJECT,
  homeZone: 'UTC',
  span: { range: { from: FIRST, to: FIRST + DAYS * DAY_MS }, timezone: 'UTC' },
  goals: [],
  now: FIRST + 100 * DAY_MS,
};
const ask = async (request: RetentionQuery) => {
  const question = retentionQuestion({ interval: 'day', columns: 8, ...request }, around);
  return toRetention(question, await harness.retentions.cohorts(question));
};

/** Share of estimates that are no further from the truth than they say. */
const kept = (estimates: readonly { estimate: number; truth: number; bound: number }[]): number => {
  // A bound that holds because it says nothing is no bound.
  for (const { bound } of estimates) expect(bound).toBeLessThan(1);
  const within = estimates.filter(({ estimate, truth, bound }) => Math.abs(estimate - truth) <= bound * estimate);
  return within.length / estimates.length;
};

it.each([{}, { mode: 'onOrAfter' as const }, { filters: '["is","country",["DE"]]' }])(
  'says how far each cell can be off, and keeps to it: %j',
  async (request) => {
    const estimate = await ask(request);
    const exact = await ask({ ...request, precision: 'exact' });
    expect(estimate.meta).toMatchObject({ sampleFraction: 1 / SAMPLE, approximate: ['size', 'visitors', 'rate'] });
    expect(exact.meta).not.toHaveProperty('approximate');
    expect(exact.data[0]?.cells[0]).not.toHaveProperty('relativeError');
    const cells = estimate.data.flatMap(({ cells }, row) =>
      cells.slice(1).map((cell, column) => ({ cell, true: exact.data[row]?.cells[column + 1] })),
    );
    const counts = cells.map(({ cell, true: truth }) => ({
      estimate: cell.visitors ?? 0,
      truth: truth?.visitors ?? 0,
      bound: cell.relativeError?.visitors ?? 0,
    }));
    const rates = cells.map(({ cell, true: truth }) => ({
      estimate: cell.rate ?? 0,
      truth: truth?.rate ?? 0,
      bound: cell.relativeError?.rate ?? 0,
    }));
    const sizes = estimate.data.map(({ size, relativeError = 0 }, row) => ({
      estimate: size,
      truth: exact.data[row]?.size ?? 0,
      bound: relativeError,
    }));
    // 95 of 100 are promised; cells of one cohort go together, so a bad cohort costs several.
    expect(kept(counts)).toBeGreaterThan(0.9);
    expect(kept(rates)).toBeGreaterThan(0.9);
    expect(kept(sizes)).toBeGreaterThan(0.9);
  },
);

it('adds the tables of a sampled breakdown up to the whole', async () => {
  const { data, breakdown } = await ask({ breakdown: 'country', limit: 1 });
  expect(breakdown?.rows.map(({ value }) => value)).toEqual(['FR']);
  for (const [row, { size, cells }] of data.entries()) {
    const tables = [...(breakdown?.rows ?? []), breakdown?.other];
    expect(tables.reduce((sum, table) => sum + (table?.data[row]?.size ?? 0), 0)).toBe(size);
    expect(tables.reduce((sum, table) => sum + (table?.data[row]?.cells[3]?.visitors ?? 0), 0)).toBe(
      cells[3]?.visitors,
    );
  }
});

it('says how far lifecycles and active days can be off', async () => {
  const lifecycle = async (precision: 'auto' | 'exact') => {
    const question = lifecycleQuestion({ interval: 'day', precision }, around);
    return toLifecycle(question, await harness.retentions.lifecycle(question));
  };
  const [estimate, exact] = [await lifecycle('auto'), await lifecycle('exact')];
  const stages = ['visitors', 'new', 'returning', 'dormant'] as const;
  for (const stage of stages) {
    const bound = estimate.meta.relativeError?.[stage] ?? 0;
    const rows = estimate.data.map((row, at) => ({ estimate: row[stage], truth: exact.data[at]?.[stage] ?? 0 }));
    const told = rows.filter((row) => row.estimate > 0).map((row) => ({ ...row, bound: Math.min(bound, 0.99) }));
    expect(kept(told)).toBeGreaterThan(0.9);
  }
  const stickiness = async (precision: 'auto' | 'exact') => {
    const question = stickinessQuestion({ interval: 'week', precision }, around);
    return toStickiness(question, await harness.retentions.stickiness(question));
  };
  const [sticky, truth] = [await stickiness('auto'), await stickiness('exact')];
  const days = sticky.data.map(({ visitors }, at) => ({
    estimate: visitors,
    truth: truth.data[at]?.visitors ?? 0,
    bound: Math.min(sticky.meta.relativeError?.['visitors'] ?? 0, 0.99),
  }));
  expect(kept(days)).toBeGreaterThan(0.8);
  expect(kept([{ estimate: sticky.mean, truth: truth.mean, bound: sticky.meta.relativeError?.['mean'] ?? 0 }])).toBe(1);
});

it('never samples a question about single visitors', async () => {
  const { meta } = await ask({ filters: '["is","visitor",["0000000000000001"]]' });
  expect(meta.sampleFraction).toBeUndefined();
});
