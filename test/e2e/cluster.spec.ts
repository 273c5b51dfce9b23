// Is everything that a process keeps for itself right where there are several? Two API servers and two workers on shared stores.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { newKeyText } from '../../src/auth/key-format';
import { aProject, ask, until } from '../support';
import { aDataDir, endShared, startMember, type Member } from '../support/spawned-cluster';
import { aWatcher } from '../support/watcher';

// Every process needs seconds to start on a machine that is busy.
jest.setTimeout(300_000);

const PATIENCE_MS = 30_000;
const rootKey = randomUUID() + randomUUID();

interface At {
  url: string;
  rootKey: string;
}

describe('two API servers and two workers', () => {
  const dataDir = aDataDir();
  let members: Member[] = [];
  let one: At;
  let other: At;
  beforeAll(async () => {
    const env = { ROOT_API_KEY: rootKey, RATE_LIMIT_REQUESTS: '1000000' };
    members = await Promise.all(['api', 'api', 'worker', 'worker'].map((roles) => startMember(dataDir, roles, env)));
    [one, other] = members.map(({ url }) => ({ url, rootKey })) as [At, At];
  });
  afterAll(async () => {
    for (const { run } of members) run.child.kill('SIGTERM');
    await Promise.all(members.map(({ run }) => run.exit));
    await endShared(dataDir);
  });

  const send = (at: At, key: string, events: object[]) =>
    ask<{ accepted: number; duplicates: number; filtered: object[] }>(at, '/events/batch', { key, body: { events } });
  const view = (rest: object = {}) => ({
    name: 'pageview',
    visitorId: randomUUID(),
    url: 'https://a.example/',
    ...rest,
  });
  const stored = async (at: At, key: string): Promise<number> => {
    const { body } = await ask<{ data: { events: number }[] }>(at, '/events/summary?period=all', { key });
    return body.data.reduce((sum, { events }) => sum + events, 0);
  };

  it('serves no routes from a worker but probes and metrics', async () => {
    const { url } = members[2]!;
    for (const path of ['/health/live', '/health/ready', '/health/startup', '/metrics'])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
    for (const path of ['/api/v1/projects', '/docs', '/openapi.json', '/healthy', '/metricsx']) {
      const answer = await fetch(url + path, { headers: { 'x-api-key': rootKey } });
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
    expect((await send({ url, rootKey }, rootKey, [view()])).status).toBe(404);
  });

  it('knows a key at once wherever it was made, and no longer soon after it was revoked', async () => {
    const { id, keys } = await aProject(one);
    const body = { name: 'second', kind: 'sec' };
    const made = await ask<{ id: string; key: string }>(one, `/projects/${id}/keys`, { key: keys.adm, body });
    const { key } = made.body;
    const asked = () => ask(other, '/events?period=24h', { key }).then(({ status }) => status);
    expect(await asked()).toBe(200);
    await ask(one, `/projects/${id}/keys/${made.body.id}`, { key: keys.adm, method: 'DELETE' });
    expect(await until(asked, (status) => status === 401, PATIENCE_MS)).toBe(401);
  });

  it('knows a key that was made elsewhere, just after it was asked about one that nobody made', async () => {
    const { keys } = await aProject(one);
    // Keys that nobody made are remembered too: one of the right form is looked up.
    expect((await ask(other, '/events?period=24h', { key: newKeyText('sec') })).status).toBe(401);
    expect((await ask(other, '/events?period=24h', { key: keys.sec })).status).toBe(200);
  });

  it('counts a limit over all of them', async () => {
    const { keys } = await aProject(one, { settings: { rateLimit: { events: 50, perSeconds: 3_600 } } });
    const ten = () => Array.from({ length: 10 }, () => view());
    const first = await until(
      () => send(one, keys.sec, ten()).then(({ status }) => status),
      (status) => status === 429,
      PATIENCE_MS,
    );
    expect(first).toBe(429);
    // Who has heard nothing of a limit asks the others with the first request, and lets it in: that is one of 10, not 50 more.
    await sleep(2_000);
    let accepted = 0;
    const second = await until(
      async () => {
        const { status } = await send(other, keys.sec, ten());
        if (status === 200) accepted += 1;
        await sleep(2_000);
        return status;
      },
      (status) => status === 429,
      PATIENCE_MS,
    );
    expect(second).toBe(429);
    expect(accepted).toBeLessThanOrEqual(2);
  });

  it('changes a project for all of them', async () => {
    const { id, keys } = await aProject(one);
    expect((await send(other, keys.sec, [view()])).body.accepted).toBe(1);
    await ask(one, `/projects/${id}`, {
      key: keys.adm,
      method: 'PATCH',
      body: { settings: { excludedPaths: ['/secret'] } },
    });
    const filtered = await until(
      () => send(other, keys.sec, [view({ url: 'https://a.example/secret' })]).then(({ body }) => body.filtered.length),
      (count) => count === 1,
      PATIENCE_MS,
    );
    expect(filtered).toBe(1);
  });

  it('never answers from before an event that any of them has acknowledged', async () => {
    const { keys } = await aProject(one);
    const seen = async (at: At): Promise<number> => {
      const path = '/stats/overview?period=24h';
      const { body } = await ask<{ data: { pageviews: number } }>(at, path, { key: keys.sec });
      return body.data.pageviews;
    };
    const wrong: string[] = [];
    for (let sent = 1; sent <= 8; sent += 1) {
      const [from, to] = sent % 2 === 0 ? [one, other] : [other, one];
      expect((await send(from, keys.sec, [view()])).status).toBe(200);
      // Twice each: the second answer may be a kept one.
      const answers = [await seen(to), await seen(from), await seen(to), await seen(from)];
      if (answers.some((count) => count !== sent)) wrong.push(`after ${sent}: ${answers.join(', ')}`);
    }
    expect(wrong).toEqual([]);
  });

  it('counts an event once that is sent to both at the same moment', async () => {
    const { keys } = await aProject(one);
    let ids = 0;
    for (let round = 0; round < 4; round += 1) {
      const events = Array.from({ length: 20 }, (_, at) => ({
        ...view(),
        id: randomUUID(),
        // Some leave their time, and some their visitor, to the server.
        ...(at % 3 === 0 ? {} : { timestamp: new Date().toISOString() }),
        ...(at % 4 === 0 ? { visitorId: undefined } : {}),
      }));
      ids += events.length;
      const answers = await Promise.all([one, other, one, other].map((at) => send(at, keys.sec, events)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    }
    // Where the server sets the time, two processes may have set two at the same moment; one of them goes within seconds.
    const counts = async () => [await stored(one, keys.sec), await stored(other, keys.sec)];
    expect(await until(counts, (all) => all.every((count) => count === ids), 2 * PATIENCE_MS)).toEqual([ids, ids]);
    const { body } = await ask<{ data: { pageviews: number } }>(other, '/stats/overview?period=24h', { key: keys.sec });
    expect(body.data.pageviews).toBe(ids);
  });

  it('does a request with a key of its own once, whoever is asked', async () => {
    const name = `Once ${randomUUID()}`;
    const make = (at: At) =>
      ask<{ project?: { id: string } }>(at, '/projects', {
        key: rootKey,
        body: { name },
        headers: { 'idempotency-key': name },
      });
    const answers = await Promise.all([one, other, one, other].map(make));
    const after = await make(other);
    expect(after.status).toBe(201);
    const made = [...answers, after].filter(({ status }) => status === 201).map(({ body }) => body.project?.id);
    expect(new Set(made).size).toBe(1);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
  });

  it('shows an event on a stream of the one that the other has acknowledged', async () => {
    const { keys } = await aProject(one);
    const watcher = await aWatcher(`${other.url}/api/v1/realtime/stream`, { 'x-api-key': keys.sec });
    try {
      await watcher.until((messages) => messages.some(({ event }) => event === 'snapshot'), PATIENCE_MS);
      const name = `seen-${randomUUID()}`;
      expect((await send(one, keys.sec, [view({ name })])).status).toBe(200);
      const messages = await watcher.until((got) => got.some(({ data }) => data['name'] === name), PATIENCE_MS);
      expect(messages.filter(({ data }) => data['name'] === name)).toHaveLength(1);
    } finally {
      watcher.close();
    }
  });

  it('has a job done by a worker that any of them took', async () => {
    const { id, keys } = await aProject(one);
    await send(one, keys.sec, [view(), view()]);
    const asked = await ask<{ job: { id: string } }>(one, `/projects/${id}`, { key: rootKey, method: 'DELETE' });
    expect(asked.status).toBe(202);
    const state = await until(
      () =>
        ask<{ state: string }>(other, `/jobs/${asked.body.job.id}`, { key: rootKey }).then(({ body }) => body.state),
      (found) => found === 'completed' || found === 'failed',
      150_000,
    );
    expect(state).toBe('completed');
    expect((await ask(other, `/projects/${id}`, { key: rootKey })).status).toBe(404);
  });

  it('does regular work once, though both workers are there for it', async () => {
    const runs = async (): Promise<number[]> =>
      Promise.all(
        members.slice(2).map(async ({ url }) => {
          const text = await (await fetch(`${url}/metrics`)).text();
          const line = /^millrace_jobs_total\{job="drain-spool",outcome="completed"\} (\d+)$/m.exec(text);
          return Number(line?.[1] ?? 0);
        }),
      );
    const total = async () => (await runs()).reduce((sum, count) => sum + count, 0);
    // It comes every two seconds.
    await until(total, (count) => count > 0, PATIENCE_MS);
    const [before, since] = [await total(), Date.now()];
    await sleep(10_000);
    const done = (await total()) - before;
    const turns = (Date.now() - since) / 2_000;
    expect(done).toBeGreaterThanOrEqual(1);
    expect(done).toBeLessThanOrEqual(turns + 2);
  });
});
