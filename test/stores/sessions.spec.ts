// Do the routes of sessions keep the contract, from an event sent to a session read?
import { randomUUID } from 'node:crypto';
import { type AProject, aProject, ask, startTestApp, type TestApp } from '../support';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

type Row = Record<string, unknown> & { id: string };
interface List {
  session: Row;
  data: Row[];
  page: { next: string | null };
}

const DAY = { from: '2026-03-01', to: '2026-03-01', timezone: 'UTC' };
const at = (time: string): string => `2026-03-01T${time}.000Z`;

const event = (visitorId: string, time: string, page: string, more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp: at(time),
  visitorId,
  url: `https://shop.example${page}`,
  ...more,
});

const send = async (project: AProject, ...events: object[]): Promise<void> => {
  const { status, body } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect([status, body.accepted]).toEqual([200, events.length]);
};

const get = (project: AProject, path: string, query: Record<string, string> = {}, key = project.keys.sec) =>
  ask<List>(app, `${path}?${new URLSearchParams(query).toString()}`, { key });

const list = async (project: AProject, query: Record<string, string> = {}): Promise<Row[]> => {
  const { status, body } = await get(project, '/sessions', { ...DAY, ...query });
  expect(status).toBe(200);
  return body.data;
};

/** Ada twice, with more than half an hour between; Bob once, under an id of his own, with two hours' rest. */
const aShop = async (): Promise<AProject> => {
  const project = await aProject(app);
  await send(
    project,
    event('ada', '08:00:00', '/', { referrer: 'https://www.google.com/' }),
    event('ada', '08:30:00', '/shoes'),
    event('ada', '08:31:00', '/shoes', { name: 'buy', revenue: { amount: '12.50', currency: 'EUR' } }),
    event('ada', '09:01:01', '/again'),
    event('bob', '10:00:00', '/b', { sessionId: 's' }),
    event('bob', '12:00:00', '/c', { sessionId: 's' }),
  );
  return project;
};

it('lists sessions whole, newest first', async () => {
  const shop = await aShop();
  const [bob, again, first, ...more] = await list(shop);
  expect(more).toEqual([]);
  expect(bob).toMatchObject({
    startedAt: at('10:00:00'),
    endedAt: at('12:00:00'),
    duration: 7_200,
    entryPage: '/b',
    exitPage: '/c',
    bounce: false,
  });
  expect(bob?.sessionId).toMatch(/^[0-9a-f]{16}$/);
  expect(again).toMatchObject({ startedAt: at('09:01:01'), duration: 0, bounce: true, sessionId: null });
  expect(first).toMatchObject({
    duration: 1_860,
    events: 3,
    pageviews: 2,
    bounce: false,
    entryPage: '/',
    exitPage: '/shoes',
    referrerHost: 'www.google.com',
    revenue: [{ currency: 'EUR', amount: '12.50' }],
    isUser: false,
    visitorId: again?.visitorId,
  });
  const selected = async (filter: unknown) =>
    (await list(shop, { filters: JSON.stringify(filter) })).map(({ startedAt }) => startedAt);
  expect(await selected(['is', 'event', ['buy']])).toEqual([at('08:00:00')]);
  expect(await selected(['did', ['is', 'event', ['buy']]])).toEqual([at('09:01:01'), at('08:00:00')]);
});

it('lists all of them where no range is asked for', async () => {
  const shop = await aShop();
  const { body } = await get(shop, '/sessions');
  expect(body.data).toEqual(await list(shop));
});

it('shows one with its events, by pages', async () => {
  const shop = await aShop();
  const first = (await list(shop)).at(-1);
  const path = `/sessions/${first?.id ?? ''}`;
  const { status, body } = await get(shop, path, { limit: '2' });
  expect(status).toBe(200);
  expect(body.session).toEqual(first);
  expect(body.data.map(({ timestamp }) => timestamp)).toEqual([at('08:00:00'), at('08:30:00')]);
  const rest = await get(shop, path, { limit: '2', cursor: body.page.next ?? '' });
  expect(rest.body.data.map(({ name }) => name)).toEqual(['buy']);
  expect(rest.body.page.next).toBeNull();
  const newest = await get(shop, path, { order: 'desc', limit: '1' });
  expect(newest.body.data.map(({ name }) => name)).toEqual(['buy']);
});

it('finds a session by an id that was given before its beginning moved, and before its visitor was linked', async () => {
  const shop = await aShop();
  const before = (await list(shop)).at(-1);
  await send(shop, event('ada', '07:45:00', '/late'));
  await ask(app, '/visitors/identify', { key: shop.keys.sec, body: { userId: 'ada@shop', visitorId: 'ada' } });
  const { body } = await get(shop, `/sessions/${before?.id ?? ''}`);
  expect(body.session).toMatchObject({ startedAt: at('07:45:00'), events: 4, entryPage: '/late', isUser: true });
  expect(body.session.visitorId).not.toBe(before?.visitorId);
  expect((await get(shop, `/sessions/${body.session.id}`)).body).toEqual(body);
});

it('lists the sessions of a visitor, by pages', async () => {
  const shop = await aShop();
  const whole = await list(shop);
  const ada = String(whole[1]?.visitorId);
  const { body } = await get(shop, `/visitors/${ada}/sessions`, { limit: '1' });
  expect(body.data).toEqual([whole[1]]);
  const rest = await get(shop, `/visitors/${ada}/sessions`, { limit: '1', cursor: body.page.next ?? '' });
  expect(rest.body).toEqual({ data: [whole[2]], page: { next: null } });
});

it('walks over every session once while events arrive', async () => {
  const project = await aProject(app);
  const names = Array.from({ length: 7 }, (_, index) => `v${index}`);
  await send(project, ...names.map((name, index) => event(name, `10:0${index}:00`, '/')));
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const { body }: { body: List } = await get(project, '/sessions', {
      ...DAY,
      limit: '2',
      ...(cursor === null ? {} : { cursor }),
    });
    seen.push(...body.data.map(({ startedAt }) => String(startedAt)));
    cursor = body.page.next;
    // Late events: the sessions of v0 and v6 would begin elsewhere, and there is one more.
    await send(
      project,
      event('v0', '10:20:00', '/'),
      event('v6', '09:50:00', '/'),
      event(randomUUID(), '10:03:30', '/'),
    );
  } while (cursor !== null);
  expect(seen).toEqual(names.map((_, index) => at(`10:0${index}:00`)).toReversed());
});

it('says 400 to what is no id, and 404 to one that leads nowhere, in this project', async () => {
  const [shop, other] = [await aShop(), await aProject(app)];
  const [bob] = await list(shop);
  const status = async (id: string, project = shop): Promise<number> => (await get(project, `/sessions/${id}`)).status;
  const id = bob?.id ?? '';
  expect(await status(id)).toBe(200);
  expect(await status(id, other)).toBe(404);
  expect(await status(`${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`)).toBe(404);
  expect(await status(id.replace(/^.{16}/, 'f'.repeat(16)))).toBe(404);
  expect(await status('0'.repeat(16) + '-' + '0'.repeat(16) + '-zzzzzzzzz')).toBe(404);
  for (const wrong of ['x', id.toUpperCase().replace('-', '_'), `${id}-1`, id.slice(1), randomUUID()])
    expect(await status(wrong)).toBe(400);
});

it('needs a whole range or none, and a key with events:read', async () => {
  const shop = await aShop();
  expect((await get(shop, '/sessions', { to: '2026-01-01' })).status).toBe(400);
  expect((await get(shop, '/sessions', { ...DAY, cursor: 'bm8' })).status).toBe(400);
  expect((await get(shop, '/sessions', DAY, shop.keys.pub)).status).toBe(403);
  const [one] = await list(shop);
  expect((await get(shop, `/sessions/${one?.id ?? ''}`, {}, shop.keys.pub)).status).toBe(403);
});
