// Does every way of sending events keep its word? Over HTTP, on the real stores.
import { randomUUID } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { newId } from '../../src/common/ids';
import { StoreUrls } from '../../src/config/env';
import { someStores, startTestApp, type TestApp } from '../support';
import { aProject, type AProject, ask, type Answer, until } from '../support/projects';

interface Sent {
  accepted: number;
  duplicates: number;
  filtered: { index: number; reason: string }[];
  rejected: { index: number; id?: string; code: string; errors: { path: string; code: string }[] }[];
  warnings: { index: number; code: string }[];
}

let urls: StoreUrls;
let app: TestApp;
let project: AProject;

beforeAll(async () => {
  urls = await someStores();
  app = await startTestApp({ urls, env: { TRUST_PROXY: '1' } });
});
afterAll(() => app.close());
beforeEach(async () => {
  project = await aProject(app);
});

const anEvent = (more: Record<string, unknown> = {}) => ({ id: randomUUID(), name: 'a', visitorId: 'v', ...more });
const batch = (events: unknown[], more: Record<string, unknown> = {}, server = app): Promise<Answer<Sent>> =>
  ask<Sent>(server, '/events/batch', { key: project.keys.sec, body: { events, ...more } });

/** Sends bytes as they are. */
async function raw(path: string, body: Buffer | string, headers: Record<string, string> = {}, key = project.keys.sec) {
  const answer = await fetch(`${app.url}/api/v1${path}`, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
  });
  return { status: answer.status, body: (await answer.json()) as Sent & { code?: string } };
}

async function stored(server = app): Promise<Record<string, unknown>[]> {
  const { body } = await ask<{ data: Record<string, unknown>[] }>(server, '/events?limit=1000&order=asc', {
    key: project.keys.sec,
  });
  return body.data;
}
const count = async (server = app): Promise<number> => (await stored(server)).length;

describe('an event', () => {
  it('is readable when its 200 arrives', async () => {
    const event = anEvent({ url: 'https://x.example/a?b=1#c', properties: { n: 1.5, ok: false, list: [1, 'a'] } });
    const { status, body } = await ask<Sent>(app, '/events', { key: project.keys.sec, body: event });
    expect([status, body]).toEqual([200, { accepted: 1, duplicates: 0, filtered: [], rejected: [], warnings: [] }]);
    expect(await stored()).toMatchObject([
      { id: event.id, url: 'https://x.example/a?b=1#c', properties: { n: 1.5, ok: false, list: [1, 'a'] } },
    ]);
  });

  it('that is wrong is kept with its reason, and answered 200', async () => {
    const { status, body } = await ask<Sent>(app, '/events', { key: project.keys.sec, body: { id: 'x', name: '' } });
    expect([status, body.accepted]).toEqual([200, 0]);
    expect(body.rejected[0]).toMatchObject({ index: 0, id: 'x', code: 'invalid_event' });
    const rejected = await ask<{ data: unknown[] }>(app, '/events/rejected', { key: project.keys.sec });
    expect(rejected.body.data).toMatchObject([{ eventId: 'x', code: 'invalid_event', payload: { id: 'x', name: '' } }]);
  });

  it('keeps no identifier and no address as it was sent', async () => {
    const person = { visitorId: 'ann@example.org', userId: 'ann-the-user', context: { ip: '81.2.69.160' } };
    await batch([anEvent(person), anEvent({ ...person, name: 1 })]);
    const { body } = await ask<{ data: object[] }>(app, '/events/rejected', { key: project.keys.sec });
    const all = JSON.stringify([await stored(), body.data]);
    expect(body.data).toHaveLength(1);
    for (const secret of ['ann@example.org', 'ann-the-user', '81.2.69.160']) expect(all).not.toContain(secret);
  });
});

describe('a batch', () => {
  it('of ids made in order keeps that order within a millisecond', async () => {
    const timestamp = Date.now();
    const events = Array.from({ length: 50 }, (_, at) => anEvent({ id: newId(), timestamp, name: `n${at}` }));
    await batch(events);
    expect((await stored()).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  it('never loses a good event to a bad one', async () => {
    const { body } = await batch([
      anEvent(),
      null,
      { name: 'x', bogus: 1 },
      'text',
      anEvent({ timestamp: '2026-02-30T00:00:00Z' }),
      anEvent(),
    ]);
    expect([body.accepted, body.rejected.map(({ index }) => index)]).toEqual([2, [1, 2, 3, 4]]);
    expect(await count()).toBe(2);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('may be packed with %s', async (encoding, pack) => {
    const body = pack(JSON.stringify({ events: [anEvent(), anEvent()] }));
    expect((await raw('/events/batch', body, { 'content-encoding': encoding })).body.accepted).toBe(2);
  });

  it('may be lines', async () => {
    const lines = `${JSON.stringify(anEvent())}\nno json\n\n${JSON.stringify(anEvent())}\n`;
    const { body } = await raw('/events/batch', lines, { 'content-type': 'application/x-ndjson' });
    expect([body.accepted, body.rejected]).toMatchObject([2, [{ index: 1, errors: [{ code: 'unreadable' }] }]]);
  });

  it('may be plain text, as a browser sends it when a page closes', async () => {
    const text = JSON.stringify({ events: [anEvent()] });
    expect(
      (await raw('/events/batch', text, { 'content-type': 'text/plain;charset=UTF-8' }, project.keys.pub)).body
        .accepted,
    ).toBe(1);
    expect(
      (await raw('/events', JSON.stringify(anEvent()), { 'content-type': 'text/plain' }, project.keys.pub)).body
        .accepted,
    ).toBe(1);
  });

  it('may bring a pub key in its address, where no header can be set, and no other key', async () => {
    const beacon = (key: string) =>
      fetch(`${app.url}/api/v1/events?key=${key}`, { method: 'POST', body: JSON.stringify(anEvent()) });
    expect((await beacon(project.keys.pub)).status).toBe(200);
    expect((await beacon(project.keys.sec)).status).toBe(401);
    expect(await count()).toBe(1);
  });

  it('that cannot be read is refused whole', async () => {
    expect((await raw('/events/batch', '{"events":[')).status).toBe(400);
    expect((await raw('/events/batch', Buffer.from([0x7b, 0xff, 0x7d]))).body.code).toBe('unreadable_body');
    expect((await raw('/events/batch', 'not gzip', { 'content-encoding': 'gzip' })).body.code).toBe('unreadable_body');
    const cut = gzipSync(JSON.stringify({ events: [anEvent()] })).subarray(0, 40);
    expect((await raw('/events/batch', cut, { 'content-encoding': 'gzip' })).status).toBe(400);
    expect(await count()).toBe(0);
  });

  it('of another type or encoding is 415', async () => {
    expect((await raw('/events/batch', 'x', { 'content-encoding': 'br' })).status).toBe(415);
    expect((await raw('/events/batch', 'x', { 'content-encoding': 'gzip, gzip' })).status).toBe(415);
    expect((await raw('/events/batch', '<a/>', { 'content-type': 'application/xml' })).status).toBe(415);
  });

  it('has at most 10 MB after decoding', async () => {
    const sized = (bytes: number) => {
      const shell = '{"events":[]}';
      return `{"events":[]${' '.repeat(bytes - shell.length)}}`;
    };
    const limit = 10_485_760;
    expect((await raw('/events/batch', sized(limit))).status).toBe(200);
    expect((await raw('/events/batch', sized(limit + 1))).status).toBe(413);
    expect((await raw('/events/batch', gzipSync(sized(limit)), { 'content-encoding': 'gzip' })).status).toBe(200);
    expect((await raw('/events/batch', gzipSync(sized(limit + 1)), { 'content-encoding': 'gzip' })).status).toBe(413);
  });

  it('that unpacks to a gigabyte is refused without being unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(300_000_000, 0x20), { level: 9 });
    const before = process.memoryUsage().rss;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => raw('/events/batch', bomb, { 'content-encoding': 'gzip' })),
    );
    expect(answers.map(({ status }) => status)).toEqual([413, 413, 413, 413, 413]);
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
  });

  it('may be tried without keeping anything', async () => {
    const events = [anEvent(), { name: 1 }];
    const { status, body } = await ask<Sent>(app, '/events/batch?dryRun=true', {
      key: project.keys.sec,
      body: { events },
    });
    expect([status, body.accepted, body.rejected.length]).toEqual([200, 1, 1]);
    expect(await count()).toBe(0);
    const rejected = await ask<{ data: unknown[] }>(app, '/events/rejected', { key: project.keys.sec });
    expect(rejected.body.data).toEqual([]);
  });

  it('takes whatever JSON holds without falling over', async () => {
    const hostile = [
      JSON.parse(
        '{"name":"a","visitorId":"v","properties":{"__proto__":{"x":1},"constructor":{"prototype":1}}}',
      ) as object,
      { name: 'a\0b', visitorId: 'v' },
      { name: '\ud800', visitorId: 'v' },
      anEvent({ timestamp: '1800-01-01T00:00:00Z' }),
      anEvent({ revenue: { amount: 1e30, currency: 'EUR' } }),
      anEvent({ properties: { big: 2 ** 53, e: 1e-300 } }),
    ];
    const { status, body } = await raw('/events/batch', JSON.stringify({ events: hostile }).replace('1e+30', '1e400'));
    expect([status, body.accepted]).toEqual([200, 2]);
    expect(body.rejected.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe('an id counts once', () => {
  const twice = async (first: unknown, second: unknown, between?: () => Promise<void>) => {
    await batch([first]);
    await between?.();
    const { body } = await batch([second]);
    return [body.accepted, body.duplicates, await count()];
  };

  it('in one batch', async () => {
    const event = anEvent();
    const { body } = await batch([event, event, { ...event, name: 'other' }]);
    expect([body.accepted, body.duplicates, await count()]).toEqual([1, 2, 1]);
  });

  it('in either case of its letters', async () => {
    const event = anEvent();
    expect(await twice(event, { ...event, id: event.id.toUpperCase() })).toEqual([0, 1, 1]);
  });

  it('when the same batch is sent five times at once', async () => {
    const events = Array.from({ length: 200 }, () => anEvent({ timestamp: Date.now() }));
    const answers = await Promise.all(Array.from({ length: 5 }, () => batch(events)));
    expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(200);
    expect(await count()).toBe(200);
  });

  it('in two projects each', async () => {
    const event = anEvent();
    await batch([event]);
    const other = await aProject(app);
    const { body } = await ask<Sent>(app, '/events', { key: other.keys.sec, body: event });
    expect(body.accepted).toBe(1);
  });

  it.each([
    ['has no time of its own', {}, {}],
    ['is sent with a corrected clock', { timestamp: Date.now() - 7_200_000 }, { sentAt: Date.now() - 3_600_000 }],
  ])('over a restart, where it %s', async (_what, own, more) => {
    const event = { ...anEvent(), ...own };
    await batch([event]);
    const again = await startTestApp({ urls, rootKey: app.rootKey });
    const { body } = await batch([event], more, again);
    expect([body.accepted, body.duplicates, await count(again)]).toEqual([0, 1, 1]);
    await again.close();
  });

  it('within a minute, where it comes over a restart with a time of its own that differs', async () => {
    const event = anEvent({ timestamp: Date.now() - 60_000 });
    await batch([event]);
    const again = await startTestApp({ urls, rootKey: app.rootKey });
    await batch([{ ...event, timestamp: Date.now() }], {}, again);
    const seen = await until(
      () => count(again),
      (rows) => rows === 1,
      55_000,
    );
    expect(seen).toBe(1);
    await again.close();
  });

  it('where its visitor is derived and the address has changed', async () => {
    const event = { id: randomUUID(), name: 'pageview' };
    const send = (ip: string) =>
      raw(
        '/events',
        JSON.stringify(event),
        {
          'x-forwarded-for': ip,
          'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
        },
        project.keys.pub,
      );
    expect((await send('81.2.69.160')).body.accepted).toBe(1);
    expect((await send('81.2.69.161')).body.duplicates).toBe(1);
    expect(await count()).toBe(1);
  });

  it('when two replicas take it at the same moment', async () => {
    const replica = await startTestApp({ urls, rootKey: app.rootKey });
    const events = Array.from({ length: 100 }, () => ({ id: newId(), name: 'pageview' }));
    await Promise.all([batch(events), batch(events, {}, replica), batch(events), batch(events, {}, replica)]);
    let seen = -1;
    for (let tries = 0; tries < 50 && seen !== 100; tries += 1) {
      seen = await count(replica);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(seen).toBe(100);
    await replica.close();
  });

  it('but equal events without ids are different events', async () => {
    const event = { name: 'a', visitorId: 'v', timestamp: 1_700_000_000_000 };
    await batch([event, event]);
    await batch([event]);
    expect(await count()).toBe(3);
  });
});
