// Does anything secret or personal lie where a thief would find it? Every table of both stores, the log at its most talkative, and every answer.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Authenticator, type Origin } from '../../src/auth/authenticator';
import { KeyDirectory } from '../../src/auth';
import { newKeyText } from '../../src/auth/key-format';
import { LocalAccess } from '../../src/auth/local-access';
import { makeLogger } from '../../src/platform/logging/logger';
import { aProject, ask, startTestApp, type AProject, type Ask, type TestApp } from '../support';
import { Salts } from '../../src/events/ingest/salts';
import { Clock } from '../../src/common/clock';
import { dumpOf, textsWith } from '../support/dump';

jest.setTimeout(600_000);

/** Addresses of nobody, which no database of places knows. */
const ADDRESSES = ['203.0.113.77', '2001:db8:77::1'] as const;
const PEOPLE = ['ann@secret.example', 'ann-the-customer', 'session-of-ann'] as const;

let app: TestApp;
let logged = '';
/** Answers to whoever should not learn a key from them. */
let answered = '';

beforeAll(async () => {
  const log = makeLogger('trace', { write: (line) => void (logged += line) });
  const env = { AUTH_FAILURES_PER_MINUTE: '1000000', TRUST_PROXY: '1', ALERT_PRIVATE_ADDRESSES: 'true' };
  app = await startTestApp({ log, env });
});
afterAll(() => app.close());

const asked = async (path: string, request: Ask): Promise<number> => {
  const { status, body, headers } = await ask(app, path, request);
  answered += JSON.stringify([body, [...headers]]);
  return status;
};

/** All that is done with keys in their lives, right and wrong. @returns every text that must be nowhere */
async function livesOfKeys(): Promise<string[]> {
  const named = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });
  const made = await ask<{ project: { id: string }; keys: Record<string, string> }>(app, '/projects', {
    key: app.rootKey,
    headers: named(),
    body: { name: 'Shop' },
  });
  const { project, keys } = made.body;
  const { adm = '', sec = '', pub = '' } = keys;
  const key = await ask<{ id: string; key: string }>(app, `/projects/${project.id}/keys`, {
    key: adm,
    headers: named(),
    body: { name: 'Checkout', kind: 'sec' },
  });
  const rotated = await ask<{ id: string; key: string }>(app, `/projects/${project.id}/keys/${key.body.id}/rotate`, {
    key: adm,
    headers: named(),
    body: { graceSeconds: 0 },
  });
  const ticket = await ask<{ ticket: string }>(app, '/realtime/tickets', { key: sec, method: 'POST' });
  const alert = await ask<{ secret: string }>(app, '/alerts', {
    key: adm,
    headers: named(),
    body: {
      name: 'None',
      metric: 'events',
      window: 3_600,
      condition: 'above',
      threshold: 1,
      webhook: { url: 'http://127.0.0.1:9/' },
    },
  });
  const unknown = newKeyText('adm');
  const statuses = [
    made.status,
    key.status,
    rotated.status,
    ticket.status,
    alert.status,
    await asked('/goals', { key: key.body.key }),
    await asked('/goals', { key: unknown }),
    await asked('/goals', { headers: { authorization: `Bearer ${sec}` } }),
    await asked('/goals', { headers: { authorization: `Basic ${adm}`, cookie: `key=${adm}` } }),
    await asked('/goals', { headers: { 'x-api-key': adm, authorization: `Bearer ${sec}` } }),
    await asked(`/events?key=${pub}`, { body: { name: 'a', visitorId: 'b' } }),
    await asked(`/goals?key=${adm}`, {}),
    await asked(`/goals?limit=0&key=${sec}`, { key: sec }),
    await asked('/goals', { key: sec, headers: { 'x-project-id': adm } }),
    await asked('/goals', { key: sec, body: { name: adm.slice(0, 5), page: '*', event: 'both' } }),
    await asked('/audit', { key: adm }),
    await asked(`/projects/${project.id}/keys`, { key: adm }),
    await asked(`/projects/${project.id}/keys/${rotated.body.id}`, { key: adm, method: 'DELETE' }),
    await asked('/projects', { key: app.rootKey }),
  ];
  expect(statuses).toEqual([
    201, 201, 201, 201, 201, 401, 401, 200, 401, 401, 200, 401, 400, 400, 400, 200, 200, 204, 200,
  ]);
  const { token } = app.app.get(LocalAccess);
  return [
    app.rootKey,
    token,
    adm,
    sec,
    pub,
    key.body.key,
    rotated.body.key,
    ticket.body.ticket,
    alert.body.secret,
    unknown,
  ];
}

/** The part of a key that nobody is shown. */
const hidden = (text: string): string => text.slice(12, -4);

describe('a key', () => {
  it('is nowhere as a text: in no store, log, metric or later answer', async () => {
    const secrets = await livesOfKeys();
    await app.app.get<{ writeUsed(): Promise<void> }>(KeyDirectory).writeUsed();
    const texts = await dumpOf(app);
    // The search finds what is there: the hash, by which a key is recognised.
    const hash = createHash('sha256')
      .update(secrets[3] ?? '')
      .digest('hex');
    expect(textsWith(texts, [hash])).toEqual(['postgres.public.api_keys']);
    texts.set('log', logged).set('answers', answered);
    texts.set('metrics', await (await fetch(`${app.url}/metrics`)).text());
    expect(secrets.map(hidden).filter((secret) => secret.length < 16)).toEqual([]);
    expect(textsWith(texts, secrets.map(hidden))).toEqual([]);
    expect(logged.length).toBeGreaterThan(1_000);
  });

  it('is refused with any one character changed, and no store is asked', async () => {
    const { keys } = await aProject(app);
    const asks = jest.spyOn(app.app.get(KeyDirectory), 'find');
    const statuses = new Set<number>();
    for (const [at, character] of [...keys.adm].entries()) {
      const flipped = `${keys.adm.slice(0, at)}${character === 'a' ? 'b' : 'a'}${keys.adm.slice(at + 1)}`;
      statuses.add((await ask(app, '/goals', { key: flipped })).status);
    }
    expect([[...statuses], asks.mock.calls.length]).toEqual([[401], 0]);
    asks.mockRestore();
  });

  it('is refused in the same time however much of it is right', async () => {
    const { keys } = await aProject(app);
    const authenticator = app.app.get(Authenticator, { strict: false });
    expect(await authenticator.authenticate(keys.adm, FROM_AFAR)).toMatchObject({ key: { kind: 'adm' } });
    const start = `mr_adm_${keys.adm[7] === '0' ? '1' : '0'}${keys.adm.slice(8)}`;
    const end = `${keys.adm.slice(0, -1)}${keys.adm.endsWith('0') ? '1' : '0'}`;
    // A busy machine may spoil a round, and never makes two equal paths of two that differ.
    const rounds: number[] = [];
    for (let round = 0; round < 5 && !rounds.some((difference) => difference < 0.05); round += 1)
      rounds.push(await differenceOf(authenticator, start, end));
    expect(Math.min(...rounds)).toBeLessThan(0.05);
  });
});

const FROM_AFAR: Origin = { address: '198.51.100.1', socketAddress: '198.51.100.1' };

/** How far the medians of 10,000 refusals each are apart, as a fraction. They take turns, so that what disturbs one disturbs the other. */
async function differenceOf(authenticator: Authenticator, one: string, other: string): Promise<number> {
  const times: [number[], number[]] = [[], []];
  for (let count = 0; count < 20_000; count += 1) {
    const began = process.hrtime.bigint();
    await authenticator.authenticate(count % 2 === 0 ? one : other, FROM_AFAR).catch(() => undefined);
    times[count % 2 === 0 ? 0 : 1].push(Number(process.hrtime.bigint() - began));
  }
  const [first, second] = times.map((list) => list.sort((a, b) => a - b)[list.length / 2] ?? 0);
  return Math.abs((first ?? 0) - (second ?? 0)) / Math.max(first ?? 1, second ?? 1);
}

describe('a person', () => {
  let project: AProject;
  beforeAll(async () => {
    project = await aProject(app);
  });

  it('is kept without address and without the ids that were sent, in every store and in the log', async () => {
    const [visitorId, userId, sessionId] = PEOPLE;
    const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0' };
    const event = { name: 'pageview', url: 'https://shop.example/', visitorId, userId, sessionId };
    const statuses = [];
    for (const address of ADDRESSES) {
      const headers = { ...agent, 'x-forwarded-for': address };
      // From the connection, from a server that says it, derived, refused with and without a reason that quotes it.
      for (const [key, body] of [
        [project.keys.pub, event],
        [project.keys.sec, { ...event, context: { ip: address } }],
        [project.keys.pub, { name: 'pageview', url: 'https://shop.example/' }],
        [project.keys.sec, { ...event, name: '', context: { ip: address } }],
        [project.keys.sec, { ...event, visitorId: 5, context: { ip: `${address} ${address}` } }],
        [project.keys.sec, [{ ...event, context: { ip: address } }]],
      ] as const)
        statuses.push(await asked('/events', { key, body, headers }));
      statuses.push(await asked('/goals', { key: newKeyText('sec'), headers }));
      statuses.push(await asked('/stats/overview?period=nonsense', { key: project.keys.sec, headers }));
    }
    statuses.push(
      await asked('/visitors/identify', {
        key: project.keys.sec,
        body: { userId, visitorId, traits: { plan: 'pro' } },
      }),
    );
    expect(statuses).toEqual([...ADDRESSES.flatMap(() => [200, 200, 200, 200, 200, 200, 401, 400]), 200]);
    // Counters and notes of use are written about once a second.
    await sleep(1_500);
    const texts = await dumpOf(app);
    texts.set('log', logged);
    const forms = ADDRESSES.flatMap((address) => [address, `::ffff:${address}`]);
    expect(textsWith(texts, [...forms, ...PEOPLE])).toEqual([]);
    expect(texts.get('clickhouse.events')).toContain('shop.example');
    const kept = await ask<{ data: { ip: string | null }[] }>(app, '/events?period=24h', { key: project.keys.sec });
    expect(kept.body.data.map(({ ip }) => ip)).toEqual(Array(6).fill(null));
  });

  it('can not be derived again once the salt of the day is forgotten', async () => {
    const salts = app.app.get(Salts, { strict: false });
    const day = new Date().toISOString().slice(0, 10);
    await salts.load([day]);
    const known = salts.get(day)?.toString('hex') ?? '';
    expect((await dumpOf(app)).get('postgres.public.visitor_salts')).toContain(known);
    const clock = app.app.get(Clock);
    const later = Date.now() + 2 * 86_400_000 + 1_000;
    const now = jest.spyOn(clock, 'now').mockImplementation(() => later);
    try {
      await salts.forget();
    } finally {
      now.mockRestore();
    }
    expect([...(await dumpOf(app))].filter(([, text]) => text.includes(known))).toEqual([]);
  });

  it('is not in the log where a project keeps addresses, either', async () => {
    const { keys } = await aProject(app, { settings: { storeIp: true } });
    const address = '203.0.113.88';
    const headers = { 'x-forwarded-for': address, 'user-agent': 'Mozilla/5.0 (X11) Firefox/143.0' };
    expect(await asked('/events', { key: keys.pub, headers, body: { name: 'a', visitorId: 'b' } })).toBe(200);
    const found = textsWith((await dumpOf(app)).set('log', logged), [address]);
    expect(found).toEqual(['clickhouse.events']);
  });
});
