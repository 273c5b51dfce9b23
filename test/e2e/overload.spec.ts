// What does a client of an overloaded server see? The real application behind a door that is small enough to be filled.
import { randomUUID } from 'node:crypto';
import { aProject, startTestApp, until, type AProject, type TestApp } from '../support';

const PLACES = 4;
let server: TestApp;
let project: AProject;
beforeAll(async () => {
  server = await startTestApp({
    env: { ADMIT_EVENT_REQUESTS: String(PLACES), ADMIT_OTHER_REQUESTS: '6', LOG_LEVEL: 'silent' },
  });
  project = await aProject(server);
});
afterAll(() => server.close());

interface Sent {
  ids: string[];
  status: number;
  retryAfter: string | null;
  allowed: string | null;
  body: { code?: string; accepted?: number; detail?: string };
}

/** Sends a batch of new events. */
async function send(count: number, key = project.keys.sec, origin?: string): Promise<Sent> {
  const ids = Array.from({ length: count }, () => randomUUID());
  const events = ids.map((id) => ({ id, name: 'pageview', visitorId: 'a', url: 'https://shop.example/' }));
  const answer = await fetch(`${server.url}/api/v1/events/batch`, {
    method: 'POST',
    headers: {
      'x-api-key': key,
      'content-type': 'application/json',
      ...(origin === undefined ? {} : { origin }),
    },
    body: JSON.stringify({ events }),
  });
  return {
    ids,
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    allowed: answer.headers.get('access-control-allow-origin'),
    body: (await answer.json()) as Sent['body'],
  };
}

const storedIds = async (): Promise<string[]> => {
  const answer = await fetch(`${server.url}/api/v1/events/export?format=ndjson&period=all`, {
    headers: { 'x-api-key': project.keys.sec },
  });
  expect(answer.status).toBe(200);
  return (await answer.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { id: string }).id);
};

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length) ?? Number.NaN,
  );
}

it('keeps what it took and nothing of what it refused, when much more comes than it has places for', async () => {
  const sent = await Promise.all(Array.from({ length: 150 }, () => send(20)));
  const taken = sent.filter(({ status }) => status === 200 || status === 202);
  const refused = sent.filter(({ status }) => status === 503);
  expect(taken.length + refused.length).toBe(sent.length);
  expect(taken.length).toBeGreaterThanOrEqual(PLACES);
  expect(refused.length).toBeGreaterThan(0);
  for (const { body, retryAfter } of refused) {
    expect(body).toMatchObject({ code: 'overloaded' });
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  }
  const promised = taken.flatMap(({ ids }) => ids).sort();
  await until(storedIds, (ids) => ids.length >= promised.length);
  expect((await storedIds()).sort()).toEqual(promised);
  expect(await metric('millrace_http_refused_total{share="ingest",reason="requests"}')).toBe(refused.length);
}, 240_000);

it('takes everything again at once, when it is over', async () => {
  const answers = [];
  for (let turn = 0; turn < 10; turn++) answers.push((await send(5)).status);
  expect(answers).toEqual(Array.from({ length: 10 }, () => 200));
  expect(await metric('millrace_http_admitted_requests{share="ingest"}')).toBe(0);
  expect(await metric('millrace_http_body_bytes')).toBe(0);
});

it('answers questions, probes and other callers while one sends more than it has places for', async () => {
  const other = await aProject(server);
  const flood = Promise.all(Array.from({ length: 150 }, () => send(20)));
  const { keys } = project;
  const get = (path: string) => fetch(`${server.url}${path}`, { headers: { 'x-api-key': keys.sec } });
  const answers = await Promise.all([
    ...['/health/live', '/health/ready', '/metrics', '/api/v1/stats/overview?period=today'].map(get),
    send(1, other.keys.sec),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect((await flood).some(({ status }) => status === 503)).toBe(true);
}, 120_000);

it('lets a page read that it was refused', async () => {
  const answers = await Promise.all(
    Array.from({ length: 150 }, () => send(20, project.keys.pub, 'https://shop.example')),
  );
  const refused = answers.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.map(({ allowed }) => allowed)).toEqual(refused.map(() => 'https://shop.example'));
}, 120_000);

it('refuses questions for which there is no place, and answers the others', async () => {
  const ask = () =>
    fetch(`${server.url}/api/v1/events/summary?period=7d`, { headers: { 'x-api-key': project.keys.sec } });
  const answers = await Promise.all(Array.from({ length: 100 }, ask));
  const statuses = new Set(answers.map(({ status }) => status));
  expect(statuses).toEqual(new Set([200, 503]));
  const refused = answers.find(({ status }) => status === 503);
  expect(await refused?.json()).toMatchObject({ code: 'overloaded' });
  expect((await send(1)).status).toBe(200);
}, 120_000);
