// Does the live view say what is there, at once, to everybody, and does it say so when it can't?
import { SECOND_MS } from '../../src/common/time-range';
import { KeyDirectory } from '../../src/auth';
import { InterestsRepository } from '../../src/realtime/bus/interests.repository';
import { LIVE_TRANSPORT, type LiveTransport } from '../../src/realtime/bus/transport';
import { LiveEraser } from '../../src/realtime/live.eraser';
import { RealtimeOptions } from '../../src/realtime/realtime.options';
import { aProject, ask, startTestApp, until, type AProject, type TestApp } from '../support';
import { aWatcher, type Message } from '../support/watcher';

interface Snapshot {
  data: {
    visitors5m: number;
    visitors30m: number;
    minutes: { time: string; visitors: number; pageviews: number; events: number }[];
    pages: { value: string; visitors: number; count: number }[];
    referrers: { value: string; visitors: number; count: number }[];
    countries: { value: string; visitors: number; count: number }[];
    events: { value: string; visitors: number; count: number }[];
  };
}

let app: TestApp;
let project: AProject;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  project = await aProject(app);
});

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60 * SECOND_MS).toISOString();
const send = async (...events: Record<string, unknown>[]): Promise<void> => {
  const { status, body } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect({ status, accepted: body['accepted'] }).toEqual({ status: 200, accepted: events.length });
};
const snapshot = async (query = ''): Promise<Snapshot['data']> =>
  (await ask<Snapshot>(app, `/realtime${query}`, { key: project.keys.sec })).body.data;
const watch = (query = '', headers: Record<string, string> = {}, key = project.keys.sec) =>
  aWatcher(`${app.url}/api/v1/realtime/stream${query}`, { 'x-api-key': key, ...headers });
const names = (messages: readonly Message[]): unknown[] => messages.map(({ data }) => data['name']);

describe('the snapshot', () => {
  it('counts who was there in the last 5 and 30 minutes, exactly, at once', async () => {
    await send(
      { name: 'pageview', visitorId: 'a', url: 'https://shop.example/one', timestamp: minutesAgo(2) },
      { name: 'pageview', visitorId: 'a', url: 'https://shop.example/two', timestamp: minutesAgo(1) },
      { name: 'signup', visitorId: 'b', timestamp: minutesAgo(10) },
      { name: 'pageview', visitorId: 'c', url: 'https://shop.example/one', timestamp: minutesAgo(29) },
      { name: 'pageview', visitorId: 'd', url: 'https://shop.example/old', timestamp: minutesAgo(31) },
    );
    const data = await snapshot();
    expect(data).toMatchObject({ visitors5m: 1, visitors30m: 3 });
    expect(data.pages).toEqual([
      { value: '/one', visitors: 2, count: 2 },
      { value: '/two', visitors: 1, count: 1 },
    ]);
    expect(data.events).toEqual([
      { value: 'pageview', visitors: 2, count: 3 },
      { value: 'signup', visitors: 1, count: 1 },
    ]);
    expect(data.minutes).toHaveLength(30);
    expect(data.minutes.at(-1)!.time <= new Date().toISOString()).toBe(true);
    expect(data.minutes.reduce((sum, { events }) => sum + events, 0)).toBeGreaterThanOrEqual(3);
  });

  it('knows a visitor by its user, and follows filters, goals included', async () => {
    await send(
      { name: 'pageview', visitorId: 'a', url: 'https://shop.example/x' },
      { name: 'signup', visitorId: 'a', userId: 'u' },
      { name: 'signup', visitorId: 'b', userId: 'u' },
      { name: 'pageview', visitorId: 'c', url: 'https://shop.example/y' },
    );
    expect(await snapshot()).toMatchObject({ visitors5m: 2, visitors30m: 2 });
    const goal = { name: 'Signed up', event: 'signup' };
    const made = await ask(app, '/goals', { key: project.keys.sec, body: goal });
    expect(made.status).toBe(201);
    const filter = (tree: unknown): string => `?filters=${encodeURIComponent(JSON.stringify(tree))}`;
    expect(await snapshot(filter(['is', 'goal', ['Signed up']]))).toMatchObject({ visitors30m: 1, pages: [] });
    expect(await snapshot(filter(['is', 'page', ['/y']]))).toMatchObject({ visitors30m: 1 });
    expect(await snapshot(filter(['is', 'exitPage', ['/x']]))).toMatchObject({ visitors30m: 1 });
    const unknown = await ask(app, `/realtime${filter(['is', 'goal', ['none']])}`, { key: project.keys.sec });
    expect(unknown.status).toBe(400);
  });
});

describe('a stream', () => {
  it('begins with a snapshot, then gives each event as it is stored, an id on everything', async () => {
    await send({ name: 'before', visitorId: 'a' });
    const stream = await watch();
    try {
      const [first] = await stream.until((all) => all.length > 0);
      expect(first).toMatchObject({ event: 'snapshot', data: { data: { visitors30m: 1 } } });
      await send({
        name: 'pageview',
        visitorId: 'b',
        url: 'https://shop.example/now?a=1',
        properties: { seats: 5, plan: 'pro' },
        revenue: { amount: '12.5', currency: 'EUR' },
      });
      const seen = await stream.until((all) => all.some(({ event }) => event === 'event'), 1_000);
      expect(seen.find(({ event }) => event === 'event')!.data).toMatchObject({
        name: 'pageview',
        path: '/now',
        hostname: 'shop.example',
        properties: { seats: 5, plan: 'pro' },
        revenue: { amount: '12.50', currency: 'EUR' },
        userId: null,
        visitorId: expect.stringMatching(/^[0-9a-f]{16}$/),
      });
      const all = await stream.until((some) => some.some(({ data }) => data['visitors30m'] === 2), 15_000);
      expect(all.filter(({ event }) => event === 'stats').at(-1)!.data).toMatchObject({
        visitors5m: 2,
        visitors30m: 2,
        events30m: 2,
        pageviews30m: 1,
      });
      expect(all.every(({ id }) => /^[0-9a-f]{12}-\d+$/.test(id))).toBe(true);
      expect(stream.headers['x-accel-buffering']).toBe('no');
      expect(stream.headers['content-encoding']).toBeUndefined();
    } finally {
      stream.close();
    }
  });

  it('shows only the chosen names and fields, and refuses fields that there are none of', async () => {
    const stream = await watch('?names=signup,order&fields=name,path');
    try {
      await stream.until((all) => all.length > 0);
      await send(
        { name: 'pageview', visitorId: 'a' },
        { name: 'signup', visitorId: 'a' },
        { name: 'order', visitorId: 'a' },
      );
      const all = await stream.until((some) => some.filter(({ event }) => event === 'event').length === 2);
      expect(all.filter(({ event }) => event === 'event').map(({ data }) => data)).toEqual([
        { name: 'signup', path: null },
        { name: 'order', path: null },
      ]);
    } finally {
      stream.close();
    }
    for (const query of ['fields=ip', 'fields=', 'names=', `key=${project.keys.sec}`]) {
      const refused = await ask(app, `/realtime/stream?${query}`, { key: project.keys.sec });
      expect(refused.status).toBe(400);
    }
    expect((await ask(app, `/realtime/stream?key=${project.keys.sec}`)).status).toBe(401);
    expect((await ask(app, '/realtime/stream', { key: project.keys.pub })).status).toBe(403);
  });

  it('goes on after Last-Event-ID without a loss, and says when it cannot', async () => {
    const first = await watch();
    await first.until((all) => all.length > 0);
    await send({ name: 'one', visitorId: 'a' });
    const seen = await first.until((all) => all.some(({ event }) => event === 'event'));
    const last = seen.find(({ event }) => event === 'event')!.id;
    first.close();
    await send({ name: 'two', visitorId: 'a' }, { name: 'three', visitorId: 'a' });
    const second = await watch('', { 'last-event-id': last });
    const third = await watch(`?lastEventId=${last}`);
    const other = await watch('', { 'last-event-id': 'feedfeedfeed-7' });
    try {
      for (const stream of [second, third]) {
        const resumed = await stream.until((all) => all.filter(({ event }) => event === 'event').length === 2);
        expect(names(resumed.filter(({ event }) => event === 'event'))).toEqual(['two', 'three']);
        expect(resumed.some(({ event }) => event === 'snapshot')).toBe(false);
      }
      const [gap, again] = await other.until((all) => all.length >= 2);
      expect([gap!.event, gap!.data, again!.event]).toEqual(['gap', { reason: 'expired' }, 'snapshot']);
    } finally {
      for (const stream of [second, third, other]) stream.close();
    }
  });

  it('shows an event that was sent twice once', async () => {
    const stream = await watch('?fields=id,name');
    try {
      await stream.until((all) => all.length > 0);
      const event = { id: '0198f2a4-7c1e-4a3b-9c55-2f6f0b1d9e10', name: 'twice', visitorId: 'a' };
      await send(event);
      await ask(app, '/events', { key: project.keys.sec, body: event });
      await send({ name: 'after', visitorId: 'a' });
      const all = await stream.until((some) => names(some).includes('after'));
      expect(names(all.filter(({ event: kind }) => kind === 'event'))).toEqual(['twice', 'after']);
    } finally {
      stream.close();
    }
  });
});

describe('a stream that misses something', () => {
  it('is cut off where it does not read, told why when it comes back, and given what it missed', async () => {
    const stream = await watch('?names=large');
    await stream.until((all) => all.length > 0);
    stream.pause();
    const note = 'x'.repeat(6_000);
    const large = (at: number) => ({ name: 'large', visitorId: 'a', properties: { at, note } });
    const sent = 3_000;
    for (let from = 0; from < sent; from += 1_000)
      await send(...Array.from({ length: 1_000 }, (_, at) => large(from + at)));
    stream.resume();
    await stream.untilClosed(10_000);
    const seen = stream.messages.filter(({ event }) => event === 'event');
    expect(seen.length).toBeLessThan(sent);
    const back = await watch('?names=large', { 'last-event-id': stream.messages.at(-1)!.id });
    try {
      const all = await back.until(
        (some) => some.filter(({ event }) => event === 'event').length === sent - seen.length,
        20_000,
      );
      expect(all[0]).toMatchObject({
        event: 'dropped',
        data: { reason: 'slow_reader', unreadBytes: expect.any(Number) },
      });
      const places = [...seen, ...all.filter(({ event }) => event === 'event')].map(
        ({ data }) => (data['properties'] as { at: number }).at,
      );
      expect(places).toEqual(Array.from({ length: sent }, (_, at) => at));
    } finally {
      back.close();
    }
  });

  it('is told when another process could not send, and gets figures that hold what it missed', async () => {
    const other = await startTestApp({ urls: app.urls, rootKey: app.rootKey });
    const transport = other.app.get<LiveTransport>(LIVE_TRANSPORT);
    const broken = jest.spyOn(transport, 'send').mockRejectedValueOnce(new Error('away'));
    const stream = await watch();
    try {
      await stream.until((all) => all.length > 0);
      const { status } = await ask(other, '/events', {
        key: project.keys.sec,
        body: { name: 'missed', visitorId: 'm' },
      });
      expect(status).toBe(200);
      const all = await stream.until((some) => some.filter(({ event }) => event === 'snapshot').length === 2);
      expect(all.find(({ event }) => event === 'gap')?.data).toEqual({ reason: 'not_sent' });
      expect(all.filter(({ event }) => event === 'snapshot')[1]!.data).toMatchObject({ data: { visitors30m: 1 } });
      expect(broken).toHaveBeenCalledTimes(2);
    } finally {
      stream.close();
      await other.close();
    }
  });

  it('keeps its figures exact: what was linked, or came by another way, is in them within ten seconds', async () => {
    await send({ name: 'a', visitorId: 'x' }, { name: 'a', visitorId: 'y' });
    const stream = await watch();
    try {
      await stream.until((all) => all.some(({ data }) => data['visitors5m'] === 2), 15_000);
      await send({ name: 'b', visitorId: 'x', userId: 'u' }, { name: 'b', visitorId: 'y', userId: 'u' });
      const all = await stream.until((some) => some.at(-1)?.data['visitors5m'] === 1, 15_000);
      expect(all.at(-1)).toMatchObject({ event: 'stats', data: { visitors30m: 1, events5m: 4, events30m: 4 } });
    } finally {
      stream.close();
    }
  });
});

it('forgets a visitor that is erased, in what is kept for readers that come back', async () => {
  const stream = await watch();
  const [first] = await stream.until((all) => all.length > 0);
  await send({ name: 'kept', visitorId: 'a' }, { name: 'erased', visitorId: 'b' }, { name: 'kept', visitorId: 'c' });
  const all = await stream.until((some) => some.filter(({ event }) => event === 'event').length === 3);
  stream.close();
  const hash = all.find(({ data }) => data['name'] === 'erased')!.data['visitorId'] as string;
  const visitors = [{ hash, erasedAt: Date.now() }];
  const number = (await app.app.get(KeyDirectory).project(project.id))!.number;
  await app.app.get(LiveEraser).eraseVisitors({ project: { id: project.id, number }, visitors, touched: [] });
  await send({ name: 'after', visitorId: 'b' });
  const back = await watch('', { 'last-event-id': first!.id });
  try {
    const again = await back.until((some) => names(some).includes('after'));
    expect(names(again.filter(({ event }) => event === 'event'))).toEqual(['kept', 'kept', 'after']);
  } finally {
    back.close();
  }
});

it('answers HEAD without a stream', async () => {
  const head = await fetch(`${app.url}/api/v1/realtime/stream`, {
    method: 'HEAD',
    headers: { 'x-api-key': project.keys.sec },
  });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe('');
});

it('takes being forgotten by those who store for a gap', async () => {
  const options = app.app.get(RealtimeOptions);
  const { leaseMs } = options;
  const interests = app.app.get(InterestsRepository);
  const renew = interests.renew.bind(interests);
  const stream = await watch();
  try {
    await stream.until((all) => all.length > 0);
    options.leaseMs = 3_000;
    const away = jest.spyOn(interests, 'renew').mockRejectedValueOnce(new Error('away')).mockImplementation(renew);
    const all = await stream.until((some) => some.filter(({ event }) => event === 'snapshot').length === 2, 20_000);
    expect(all.find(({ event }) => event === 'gap')?.data).toEqual({ reason: 'connection_lost' });
    away.mockRestore();
  } finally {
    options.leaseMs = leaseMs;
    stream.close();
  }
});

describe('who may watch', () => {
  it('is let in once by a ticket, from an origin that the project lists', async () => {
    await ask(app, `/projects/${project.id}`, {
      method: 'PATCH',
      key: project.keys.adm,
      body: { settings: { allowedOrigins: ['https://shop.example'] } },
    });
    const ticket = async (): Promise<string> => {
      const { status, body } = await ask(app, '/realtime/tickets', { method: 'POST', key: project.keys.sec });
      expect(status).toBe(201);
      return body['ticket'] as string;
    };
    const [good, bad] = [await ticket(), await ticket()];
    const url = `${app.url}/api/v1/realtime/stream?ticket=`;
    const stream = await aWatcher(url + good, { origin: 'https://shop.example' });
    try {
      expect(stream.headers['access-control-allow-origin']).toBe('https://shop.example');
      await stream.until((all) => all.length > 0);
    } finally {
      stream.close();
    }
    expect((await fetch(url + good)).status).toBe(401);
    const elsewhere = await fetch(url + bad, { headers: { origin: 'https://evil.example' } });
    expect(elsewhere.status).toBe(403);
    expect(elsewhere.headers.get('access-control-allow-origin')).toBeNull();
    // It is good for a stream alone.
    expect((await ask(app, `/realtime?ticket=${await ticket()}`)).status).toBe(401);
  });

  it('is sent away within 5 seconds when the key is revoked, tickets included', async () => {
    const wish = { name: 'for a while', kind: 'sec' };
    const { body } = await ask(app, `/projects/${project.id}/keys`, { key: project.keys.adm, body: wish });
    const { id, key: text } = body as { id: string; key: string };
    const { body: paper } = await ask(app, '/realtime/tickets', { method: 'POST', key: text });
    const direct = await watch('', {}, text);
    const ticketed = await aWatcher(`${app.url}/api/v1/realtime/stream?ticket=${paper['ticket'] as string}`);
    await Promise.all([direct, ticketed].map((stream) => stream.until((all) => all.length > 0)));
    const gone = await ask(app, `/projects/${project.id}/keys/${id}`, { method: 'DELETE', key: project.keys.adm });
    expect(gone.status).toBeLessThan(300);
    for (const stream of [direct, ticketed]) {
      await stream.untilClosed(5_000);
      expect(stream.messages.at(-1)).toMatchObject({ event: 'bye', data: { reason: 'key_revoked' } });
    }
  });

  it('waits where a key has as many streams as it may', async () => {
    const options = app.app.get(RealtimeOptions);
    const { streamsPerKey } = options;
    options.streamsPerKey = 1;
    const stream = await watch();
    try {
      const second = await ask(app, '/realtime/stream', { key: project.keys.sec });
      expect(second).toMatchObject({ status: 429, body: { code: 'too_many_streams' } });
      expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
      stream.close();
      const third = await until(
        async () => watch().catch(() => undefined),
        (one) => one !== undefined,
      );
      third?.close();
      expect(third).toBeDefined();
    } finally {
      stream.close();
      options.streamsPerKey = streamsPerKey;
    }
  });
});
