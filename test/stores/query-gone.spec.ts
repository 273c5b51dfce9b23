// Does a question end with its client? From the socket that closes, through every layer, to the statement inside ClickHouse.
import { sql } from 'drizzle-orm';
import { request, type ClientRequest } from 'node:http';
import { Postgres } from '../../src/platform/postgres/postgres';
import { type AProject, aProject, askClickHouse, startTestApp, type TestApp, until } from '../support';

/** A second, and half of one for a machine that is busy. */
const SOON_MS = 1_500;
const EVENTS = 400_000;
const FROM = Date.UTC(2025, 5, 1);
const RANGE = 'from=2025-06-01&to=2025-06-30';
/** Over paths of a kilobyte each, this pattern takes two cores for several seconds. */
const HARD = `${RANGE}&filters=${encodeURIComponent(JSON.stringify(['matches', 'page', ['(.{0,100}a){3}x']]))}`;

let app: TestApp;
let project: AProject;

beforeAll(async () => {
  app = await startTestApp({ env: { ROLES: 'api', QUERY_TIMEOUT_MS: '60000', QUERY_CONCURRENCY: '1' } });
  project = await aProject(app);
  const { rows } = await app.app
    .get(Postgres)
    .run((db) => db.execute<{ number: number }>(sql`SELECT number FROM projects WHERE id = ${project.id}`));
  await askClickHouse(
    app.urls.clickhouse,
    `INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id, path)
      SELECT ${rows[0]!.number}, fromUnixTimestamp64Milli(${FROM} + number * 1000, 'UTC'), now64(3), generateUUIDv4(), 'pageview', cityHash64(number % 1000), concat('/', repeat('ab', 500), toString(number))
      FROM numbers(${EVENTS})`,
  );
});
afterAll(() => app.close());

/** Statements about events that ClickHouse runs now. */
const running = async (): Promise<number> =>
  Number(
    await askClickHouse(
      app.urls.clickhouse,
      `SELECT count() FROM system.processes WHERE current_database = currentDatabase()
        AND query LIKE '%FROM events%' AND query NOT LIKE '%system.processes%'`,
    ),
  );

const get = (path: string, onBytes?: () => void): ClientRequest => {
  const asked = request(`${app.url}/api/v1${path}`, { headers: { 'x-api-key': project.keys.sec } });
  asked.on('error', () => undefined);
  asked.on('response', (response) =>
    response
      .on('error', () => undefined)
      .once('data', () => {
        // A reader that is slow, and then gone.
        response.pause();
        onBytes?.();
      }),
  );
  asked.end();
  return asked;
};

it.each([
  ['a chart', `/stats/overview?${HARD}`],
  ['a breakdown', `/stats/breakdown/page?${HARD}&metrics=visitors`],
  ['a list', `/events/summary?${HARD}`],
  ['a download', `/events/export?format=ndjson&${HARD}`],
])('stops %s within a second when its client goes away', async (_, path) => {
  const asked = get(path);
  expect(await until(running, (count) => count > 0)).toBeGreaterThan(0);
  const left = performance.now();
  asked.destroy();
  expect(await until(running, (count) => count === 0, SOON_MS)).toBe(0);
  expect(performance.now() - left).toBeLessThan(SOON_MS);
});

it('stops a download that is under way', async () => {
  let begun = false;
  const asked = get(`/events/export?format=ndjson&${RANGE}`, () => (begun = true));
  await until(
    () => Promise.resolve(begun),
    (yes) => yes,
  );
  expect(begun).toBe(true);
  expect(await running()).toBe(1);
  asked.destroy();
  expect(await until(running, (count) => count === 0, SOON_MS)).toBe(0);
});

it('forgets a question that waits for its turn', async () => {
  const first = get(`/stats/overview?${HARD}`);
  await until(running, (count) => count > 0);
  const second = get(`/stats/overview?${HARD}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  second.destroy();
  first.destroy();
  expect(await until(running, (count) => count === 0, SOON_MS)).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await running()).toBe(0);
});
