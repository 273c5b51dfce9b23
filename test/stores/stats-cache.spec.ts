// Is an answer kept for as long as it is true, and not a moment longer? Two replicas over the same stores, over HTTP.
import { sql } from 'drizzle-orm';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyDirectory } from '../../src/auth';
import { DAY_MS } from '../../src/common/time-range';
import { ChangeLog, MarkStale } from '../../src/events/changes';
import { LinkSpreader } from '../../src/events/changes/link-spreader';
import { Metrics } from '../../src/platform/metrics/metrics';
import { Postgres } from '../../src/platform/postgres/postgres';
import { StatsRepository } from '../../src/stats/stats.repository';
import { aProject, ask, askClickHouse, startTestApp, until, type AProject, type TestApp } from '../support';
import { deriveNow, hurry } from '../support/derive';

interface Overview {
  data: { visitors: number; events: number };
  meta: { explain?: { rows: number } };
}

let one: TestApp;
let other: TestApp;

beforeAll(async () => {
  one = await startTestApp();
  other = await startTestApp({ urls: one.urls, rootKey: one.rootKey, env: { ROLES: 'api' } });
  for (const replica of [one, other]) hurry(replica, { fewestEvents: 50 });
});
afterAll(async () => {
  jest.restoreAllMocks();
  await Promise.all([one.close(), other.close()]);
});

const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const dayAgo = (days: number): string => new Date(today - days * DAY_MS).toISOString().slice(0, 10);
/** Ends in the future: everything that comes now lies in it. */
const LIVE = `from=${dayAgo(0)}&to=${dayAgo(-1)}`;
/** Over since days. */
const HISTORY = `from=${dayAgo(6)}&to=${dayAgo(5)}`;

interface Asked {
  readonly visitors: number;
  readonly events: number;
  /** How it was come by. */
  readonly cache: string | undefined;
  readonly timing: string;
}

async function overview(
  app: TestApp,
  project: AProject,
  range: string,
  headers: Record<string, string> = {},
): Promise<Asked> {
  const answer = await ask<Overview>(app, `/stats/overview?${range}`, { key: project.keys.sec, headers });
  expect(answer.status).toBe(200);
  const timing = answer.headers.get('server-timing') ?? '';
  const { visitors, events } = answer.body.data;
  return { visitors, events, cache: /cache;desc=(\w+)/.exec(timing)?.[1], timing };
}

async function send(app: TestApp, project: AProject, events: readonly object[]): Promise<void> {
  const answer = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect(answer.body).toMatchObject({ accepted: events.length });
}
const anEvent = (more: object = {}): object => ({
  name: 'pageview',
  visitorId: 'now',
  url: 'https://a.example/',
  ...more,
});

const numberOf = async (project: AProject): Promise<number> =>
  (await one.app.get(KeyDirectory).project(project.id))?.number ?? 0;

const look = (): Promise<void> => deriveNow(one);

const derived = (project: AProject): Promise<unknown> =>
  until(
    async () => {
      await look();
      return (
        await ask<{ horizon: string | null; staleRanges: number; detailedCells: number }>(
          one,
          `/projects/${project.id}/rollups`,
          { key: project.keys.adm },
        )
      ).body;
    },
    ({ horizon, staleRanges, detailedCells }) => horizon !== null && staleRanges === 0 && detailedCells > 0,
    40_000,
  );

const AN_HOUR_IN = Date.parse(`${dayAgo(6)}T01:00:00Z`);

/** A project with two busy days some days ago, derived. */
async function aDerivedProject(): Promise<AProject> {
  const project = await aProject(one);
  const events = [6, 5].flatMap((days) =>
    Array.from({ length: 100 }, (_, at) =>
      anEvent({
        visitorId: `v${at % 10}`,
        timestamp: new Date(Date.parse(dayAgo(days)) + (at + 60) * 60_000).toISOString(),
      }),
    ),
  );
  await send(one, project, events);
  await derived(project);
  return project;
}

it('shows an acknowledged event in the very next answer, on any replica', async () => {
  const project = await aProject(one);
  const states: (string | undefined)[] = [];
  for (let sent = 1; sent <= 100; sent += 1) {
    const [writer, reader] = sent % 2 === 0 ? [one, other] : [other, one];
    await send(writer, project, [anEvent()]);
    const first = await overview(reader, project, LIVE);
    const again = await overview(reader, project, LIVE);
    const elsewhere = await overview(writer, project, LIVE);
    expect([first.events, again.events, elsewhere.events]).toEqual([sent, sent, sent]);
    states.push(first.cache, again.cache);
  }
  // Each answer was kept until the next event: the loop did not pass by keeping nothing. What other projects or chores change in
  // between may cost a few.
  expect(states.filter((state) => state === 'hit').length).toBeGreaterThan(80);
});

it('keeps history while events come in, and when parts are merged', async () => {
  const project = await aDerivedProject();
  const [first, again] = [await overview(one, project, HISTORY), await overview(one, project, HISTORY)];
  expect(first).toMatchObject({ events: 200, visitors: 10, cache: 'miss' });
  expect(first.timing).toContain('stats_rollup;dur=');
  expect(again).toMatchObject({ events: 200, visitors: 10, cache: 'hit' });
  for (let sent = 1; sent <= 5; sent += 1) {
    await send(other, project, [anEvent()]);
    expect(await overview(one, project, HISTORY)).toMatchObject({ events: 200, cache: 'hit' });
    expect(await overview(one, project, LIVE)).toMatchObject({ events: sent, cache: 'miss' });
  }
  await askClickHouse(one.urls.clickhouse, 'OPTIMIZE TABLE events FINAL');
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 200, cache: 'hit' });
  expect(await overview(one, project, LIVE)).toMatchObject({ events: 5, cache: 'hit' });
});

it('shows a late event at once, and again after it was derived', async () => {
  const project = await aDerivedProject();
  await overview(one, project, HISTORY);
  await overview(other, project, HISTORY);
  await send(one, project, [anEvent({ visitorId: 'late', timestamp: new Date(AN_HOUR_IN).toISOString() })]);
  for (const app of [one, other, one, other])
    expect(await overview(app, project, HISTORY)).toMatchObject({ events: 201, visitors: 11 });
  // While its mark stands, raw events are read: another one there is seen too.
  await send(other, project, [anEvent({ visitorId: 'late', timestamp: new Date(AN_HOUR_IN + 1).toISOString() })]);
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 202 });
  await derived(project);
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 202, visitors: 11, cache: 'miss' });
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 202, visitors: 11, cache: 'hit' });
});

it('forgets what is deleted, in history and in what is read raw', async () => {
  const project = await aDerivedProject();
  await send(one, project, [anEvent(), anEvent({ visitorId: 'gone' })]);
  const number = await numberOf(project);
  await overview(one, project, HISTORY);
  expect(await overview(one, project, LIVE)).toMatchObject({ events: 2 });
  await one.app.get(MarkStale).mark(number, [{ from: AN_HOUR_IN, to: AN_HOUR_IN + DAY_MS }]);
  await askClickHouse(
    one.urls.clickhouse,
    `DELETE FROM events WHERE project_id = ${number} AND (ts < toDateTime64('${dayAgo(6)} 01:10:00', 3, 'UTC') OR ts > toDateTime64('${dayAgo(1)} 00:00:00', 3, 'UTC'))
     SETTINGS lightweight_deletes_sync = 2`,
  );
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 190 });
  expect(await overview(one, project, LIVE)).toMatchObject({ events: 0 });
  await derived(project);
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 190 });
});

it('follows a new link: at once where events are read raw, and in history as soon as it is spread', async () => {
  const project = await aDerivedProject();
  const exact = `${HISTORY}&precision=exact`;
  for (const range of [HISTORY, exact]) {
    await overview(one, project, range);
    expect(await overview(one, project, range)).toMatchObject({ visitors: 10, cache: 'hit' });
  }
  await send(other, project, [anEvent({ visitorId: 'v1', userId: 'u' }), anEvent({ visitorId: 'v2', userId: 'u' })]);
  expect(await overview(one, project, exact)).toMatchObject({ visitors: 9, cache: 'miss' });
  await one.app
    .get(Postgres)
    .run((db) => db.execute(sql`UPDATE stale_visitors SET until = now() - interval '1 second'`));
  await one.app.get(LinkSpreader).spread();
  expect(
    await until(
      () => overview(one, project, HISTORY),
      ({ visitors }) => visitors === 9,
    ),
  ).toMatchObject({ visitors: 9 });
});

it('asks once what twenty ask at the same time, and keeps it', async () => {
  const project = await aDerivedProject();
  await send(one, project, [anEvent()]);
  const repository = one.app.get(StatsRepository);
  const answer = repository.answer.bind(repository);
  const spy = jest.spyOn(repository, 'answer').mockImplementation(async (...asked) => {
    await sleep(500);
    return answer(...asked);
  });
  try {
    for (const range of [LIVE, HISTORY]) {
      const all = await Promise.all(Array.from({ length: 20 }, () => overview(one, project, range)));
      expect(new Set(all.map(({ events }) => events)).size).toBe(1);
      expect(all.filter(({ cache }) => cache === 'miss')).toHaveLength(1);
      expect(all.filter(({ cache }) => cache === 'joined')).toHaveLength(19);
    }
    expect(spy).toHaveBeenCalledTimes(2);
    expect(await overview(one, project, LIVE)).toMatchObject({ cache: 'hit' });
  } finally {
    spy.mockRestore();
  }
});

it('does not let one who asks later wait for an answer that is older than an event', async () => {
  const project = await aProject(one);
  await send(one, project, [anEvent()]);
  const repository = one.app.get(StatsRepository);
  const answer = repository.answer.bind(repository);
  const spy = jest.spyOn(repository, 'answer').mockImplementationOnce(async (...asked) => {
    const found = await answer(...asked);
    await sleep(1_000);
    return found;
  });
  try {
    const slow = overview(one, project, LIVE);
    await until(
      () => Promise.resolve(spy.mock.calls.length),
      (calls) => calls > 0,
    );
    await sleep(300);
    await send(other, project, [anEvent()]);
    expect(await overview(one, project, LIVE)).toMatchObject({ events: 2, cache: 'miss' });
    expect((await slow).events).toBe(1);
    expect(await overview(one, project, LIVE)).toMatchObject({ events: 2 });
  } finally {
    spy.mockRestore();
  }
});

it('goes on for those who stay when one leaves, and ends when all have left', async () => {
  const project = await aProject(one);
  await send(one, project, [anEvent()]);
  const repository = one.app.get(StatsRepository);
  const answer = repository.answer.bind(repository);
  const signals: AbortSignal[] = [];
  const spy = jest.spyOn(repository, 'answer').mockImplementation(async (query, zone, caller) => {
    signals.push(caller!.signal!);
    await sleep(700);
    return answer(query, zone, caller);
  });
  const leaving = async (range: string): Promise<() => Promise<void>> => {
    const gone = new AbortController();
    const asked = fetch(`${one.url}/api/v1/stats/overview?${range}`, {
      headers: { 'x-api-key': project.keys.sec },
      signal: gone.signal,
    }).then(
      () => undefined,
      () => undefined,
    );
    await sleep(150);
    return () => {
      gone.abort();
      return asked;
    };
  };
  try {
    const leave = await leaving(LIVE);
    const stays = overview(one, project, LIVE);
    await sleep(150);
    await leave();
    expect(await stays).toMatchObject({ events: 1, cache: 'joined' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    const all = [await leaving(`${LIVE}&timezone=Asia/Tokyo`), await leaving(`${LIVE}&timezone=Asia/Tokyo`)];
    for (const goes of all) await goes();
    expect(
      await until(
        () => Promise.resolve(signals[1]?.aborted),
        (aborted) => aborted === true,
        2_000,
      ),
    ).toBe(true);
    expect(signals).toHaveLength(2);
  } finally {
    spy.mockRestore();
  }
});

it('works out anew what is asked for with no-store or explain, and says so', async () => {
  const project = await aProject(one);
  await send(one, project, [anEvent()]);
  await overview(one, project, LIVE);
  expect(await overview(one, project, LIVE)).toMatchObject({ cache: 'hit' });
  expect(await overview(one, project, LIVE, { 'cache-control': 'no-store' })).toMatchObject({ cache: 'bypass' });
  expect(await overview(one, project, LIVE, { 'cache-control': 'no-cache' })).toMatchObject({ cache: 'hit' });
  const explained = await ask<Overview>(one, `/stats/overview?${LIVE}&explain=true`, { key: project.keys.sec });
  expect(explained.headers.get('server-timing')).toContain('cache;desc=bypass');
  expect(explained.body.meta.explain?.rows).toBeGreaterThan(0);
  const plain = await ask<Overview>(one, `/stats/overview?${LIVE}`, { key: project.keys.sec });
  expect(plain.body.meta.explain).toBeUndefined();
});

it('keeps nothing while marks are owed: what was stored meanwhile is in raw events alone', async () => {
  const project = await aDerivedProject();
  const number = await numberOf(project);
  await overview(one, project, HISTORY);
  const spy = jest.spyOn(one.app.get(ChangeLog), 'owes').mockImplementation((of) => of === number);
  try {
    const owed = await overview(one, project, HISTORY);
    expect(owed).toMatchObject({ events: 200, cache: 'bypass' });
    expect(owed.timing).not.toContain('stats_rollup');
  } finally {
    spy.mockRestore();
  }
  expect(await overview(one, project, HISTORY)).toMatchObject({ events: 200, cache: 'hit' });
});

it('says in each answer where the time went, and in the metrics how often answers were kept', async () => {
  const project = await aProject(one);
  await send(one, project, [anEvent()]);
  const part = String.raw`[a-z_]+(;dur=\d+(\.\d)?)?(;desc=(\w+|"rows \d+"))?`;
  const whole = new RegExp(`^${part}(, ${part})*, total;dur=\\d+(\\.\\d)?$`);
  const paths = [
    `/stats/timeseries?${LIVE}`,
    `/stats/pages?${LIVE}&compare=previous`,
    `/stats/breakdown/browser?${LIVE}`,
  ];
  for (const path of paths) {
    const answer = await ask(one, path, { key: project.keys.sec });
    expect(answer.headers.get('server-timing')).toMatch(whole);
    expect(answer.headers.get('server-timing')).toContain('query;dur=');
  }
  const compared = await ask(one, paths[1]!, { key: project.keys.sec });
  expect(compared.headers.get('server-timing')?.match(/cache;desc=hit/g)).toHaveLength(2);
  const { statsAnswers, statsCacheBytes } = one.app.get(Metrics);
  const counts = Object.fromEntries(
    (await statsAnswers.get()).values.map(({ labels, value }) => [labels.cache, value]),
  );
  expect(counts).toMatchObject({ hit: expect.any(Number), miss: expect.any(Number) });
  expect((await statsCacheBytes.get()).values[0]?.value).toBeGreaterThan(0);
});
