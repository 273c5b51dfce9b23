// Do the routes of visitors keep the contract, from an event sent to a profile read?
import { randomUUID } from 'node:crypto';
import { type AProject, aProject, ask, startTestApp, type TestApp } from '../support';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

type Row = Record<string, unknown> & { id: string };
interface List {
  data: Row[];
  page: { next: string | null };
}

const DAY = { from: '2026-03-01', to: '2026-03-02', timezone: 'UTC' };
const at = (time: string, day = '01'): string => `2026-03-${day}T${time}.000Z`;

const event = (visitorId: string | undefined, timestamp: string, more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp,
  ...(visitorId === undefined ? {} : { visitorId }),
  url: 'https://shop.example/',
  ...more,
});

const send = async (project: AProject, ...events: object[]): Promise<void> => {
  const { status, body } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect([status, body.accepted]).toEqual([200, events.length]);
};

const get = <T = List>(project: AProject, path: string, query: Record<string, string> = {}, key = project.keys.sec) =>
  ask<T>(app, `${path}?${new URLSearchParams(query).toString()}`, { key });

const list = async (project: AProject, query: Record<string, string> = {}): Promise<Row[]> => {
  const { status, body } = await get(project, '/visitors', { ...DAY, ...query });
  expect(status).toBe(200);
  return body.data;
};

/** Ada on a phone, then as a user on a desktop; Bob once, for more money. */
const aShop = async (): Promise<AProject> => {
  const project = await aProject(app);
  const euros = (amount: string) => ({ amount, currency: 'EUR' });
  await send(
    project,
    event('ada-phone', at('08:00:00'), {
      referrer: 'https://www.google.com/search',
      url: 'https://shop.example/shoes?utm_source=mail&utm_campaign=spring',
    }),
    event('ada-phone', at('08:05:00'), { name: 'buy', revenue: euros('10.50') }),
    event('bob', at('09:00:00'), { revenue: euros('99') }),
    event('ada-desk', at('10:00:00', '02'), { userId: 'ada', url: 'https://shop.example/basket' }),
  );
  return project;
};

const faultsOf = ({ status, body }: { status: number; body: unknown }): string =>
  `${status} ${((body as { errors?: { path: string; code: string }[] }).errors ?? []).map(({ path, code }) => `${path} ${code}`).join()}`;

describe('the directory', () => {
  let shop: AProject;
  beforeAll(async () => {
    shop = await aShop();
  });

  it('lists who was there, whoever was seen last first', async () => {
    const [ada, phone, bob] = await list(shop).then((rows) => [
      rows[0],
      rows.find(({ events }) => events === 2),
      rows.find(({ lastSeen }) => lastSeen === at('09:00:00')),
    ]);
    expect(ada).toMatchObject({ isUser: true, events: 1, sessions: 1, firstSeen: at('10:00:00', '02'), traits: null });
    expect(bob).toMatchObject({ isUser: false, revenue: [{ currency: 'EUR', amount: '99.00' }] });
    expect(phone).toMatchObject({
      isUser: false,
      firstSeen: at('08:00:00'),
      lastSeen: at('08:05:00'),
      pageviews: 1,
      sessions: 1,
      revenue: [{ currency: 'EUR', amount: '10.50' }],
    });
    expect(ada?.id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('lists everybody where no range is asked for', async () => {
    const [{ body }, everybody] = [await get(shop, '/visitors'), await get(shop, '/visitors', { period: 'all' })];
    expect(body.data.length).toBe(3);
    expect(body).toEqual(everybody.body);
  });

  it('sorts by what is asked for, and says which currency it needs', async () => {
    const sorted = async (sort: string, more = {}) => (await list(shop, { sort, ...more })).map(({ events }) => events);
    expect(await sorted('events')).toEqual([2, 1, 1]);
    expect(await sorted('firstSeen:asc')).toEqual([2, 1, 1]);
    expect(await sorted('revenue:asc', { currency: 'EUR' })).toEqual([1, 2, 1]);
    expect(faultsOf(await get(shop, '/visitors', { ...DAY, sort: 'revenue' }))).toBe('400 currency required');
    expect(faultsOf(await get(shop, '/visitors', { ...DAY, currency: 'EUR' }))).toBe('400 currency unused');
    expect(faultsOf(await get(shop, '/visitors', { ...DAY, sort: 'name' }))).toBe('400 sort not_allowed');
  });

  it('finds one by its plain identifier, as visitor or user, and by its hash', async () => {
    const [bob] = await list(shop, { search: 'bob' });
    expect(bob?.revenue).toEqual([{ currency: 'EUR', amount: '99.00' }]);
    expect(await list(shop, { search: bob?.id ?? '' })).toEqual([bob]);
    const [ada] = await list(shop, { search: 'ada' });
    expect(ada?.isUser).toBe(true);
    // Her desktop was linked by the event that brought both.
    expect(await list(shop, { search: 'ada-desk' })).toEqual([ada]);
    expect(await list(shop, { search: 'nobody' })).toEqual([]);
  });

  it('selects by filters, goals included', async () => {
    await ask(app, '/goals', { key: shop.keys.adm, body: { name: 'Bought', event: 'buy' } });
    const selected = async (filter: unknown) =>
      (await list(shop, { filters: JSON.stringify(filter) })).map(({ events }) => events);
    expect(await selected(['is', 'event', ['buy']])).toEqual([1]);
    expect(await selected(['did', ['is', 'event', ['buy']]])).toEqual([2]);
    expect(await selected(['is', 'entryPage', ['/shoes']])).toEqual([2]);
    expect(await selected(['is', 'goal', ['Bought']])).toEqual([1]);
  });

  it('counts no session that began before the range, however long ago', async () => {
    const project = await aProject(app);
    const minutes = Array.from({ length: 25 }, (_, index) => index * 20);
    const since = Date.parse(at('16:30:00'));
    const rests = [8, 16, 30].map((hours) => Date.parse(at('00:00:00')) + hours * 3_600_000);
    await send(
      project,
      // One goes on every twenty minutes for eight hours, the other has an id and rests for half a day.
      ...minutes.map((minute) => event('awake', new Date(since + minute * 60_000).toISOString())),
      ...rests.map((time) => event('named', new Date(time).toISOString(), { sessionId: 's' })),
    );
    const rows = await list(project, { from: '2026-03-02' });
    expect(rows.map(({ events, sessions }) => [events, sessions])).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  it('refuses what it can’t answer', async () => {
    const ask400 = async (query: Record<string, string>) => faultsOf(await get(shop, '/visitors', query));
    expect(await ask400({ from: '2026-01-01' })).toBe('400 to required');
    expect(await ask400({ ...DAY, limit: '0' })).toBe('400 limit out_of_range');
    expect(await ask400({ ...DAY, cursor: 'bm8' })).toBe('400 cursor invalid_cursor');
    expect(await ask400({ ...DAY, filters: '["is"]' })).toMatch(/^400 filters/);
    expect(await ask400({ ...DAY, colour: 'red' })).toMatch(/^400 colour/);
    const { body } = await get(shop, '/visitors', { ...DAY, limit: '1' });
    expect(await ask400({ ...DAY, limit: '1', sort: 'events', cursor: body.page.next ?? '' })).toBe(
      '400 cursor invalid_cursor',
    );
  });

  it('walks over everybody once while events arrive', async () => {
    const project = await aProject(app);
    const names = Array.from({ length: 7 }, (_, index) => `v${index}`);
    const now = Date.now();
    const ago = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();
    await send(project, ...names.map((name, index) => event(name, ago(100 + index))));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: Record<string, string> = { period: '24h', limit: '2' };
      if (cursor !== null) query['cursor'] = cursor;
      const { body }: { body: List } = await get(project, '/visitors', query);
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.page.next;
      // Whoever is last comes back, and somebody new comes.
      await send(project, event('v6', ago(1)), event(randomUUID(), ago(1)), event('v5', ago(200)));
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(7);
    expect(seen).toHaveLength(7);
  });
});

describe('a visitor', () => {
  const idOf = async (project: AProject, search: string): Promise<string> =>
    (await list(project, { search }))[0]?.id ?? 'none';

  it('has a profile of all that is kept', async () => {
    const shop = await aShop();
    const { status, body } = await get<Row>(shop, `/visitors/${await idOf(shop, 'ada-phone')}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      isUser: false,
      visitorIds: [],
      events: 2,
      pageviews: 1,
      sessions: 1,
      firstTouch: {
        time: at('08:00:00'),
        page: '/shoes',
        referrerHost: 'www.google.com',
        utm: { source: 'mail', campaign: 'spring' },
      },
      lastTouch: { time: at('08:00:00') },
      devices: [{ visitorId: body.id, events: 2 }],
      places: [{ country: null, events: 2 }],
    });
  });

  it('takes the anonymous past of its devices along at once when they are linked', async () => {
    const shop = await aShop();
    const phone = await idOf(shop, 'ada-phone');
    const identify = (body: object) => ask<Row>(app, '/visitors/identify', { key: shop.keys.sec, body });
    const { status, body: user } = await identify({ userId: 'ada', visitorId: 'ada-phone' });
    expect([status, user.visitorId]).toEqual([200, phone]);

    const { body: profile } = await get<Row>(shop, `/visitors/${phone}`);
    expect(profile).toMatchObject({ id: user.id, isUser: true, events: 3, sessions: 2 });
    expect(profile.visitorIds).toContain(phone);
    expect(profile).toMatchObject({ firstTouch: { page: '/shoes' }, lastTouch: { page: '/basket' } });
    expect((await list(shop, { search: 'ada-phone' })).map(({ id, events }) => [id, events])).toEqual([[user.id, 3]]);
    expect((await list(shop)).map(({ events }) => events)).toEqual([3, 1]);
    const { body: overview } = await get<{ data: Row }>(shop, '/stats/overview', { ...DAY, precision: 'exact' });
    expect(overview.data.visitors).toBe(2);
  });

  it('has a timeline, either way, by pages and by names', async () => {
    const shop = await aShop();
    await ask(app, '/visitors/identify', { key: shop.keys.sec, body: { userId: 'ada', visitorId: 'ada-phone' } });
    const path = `/visitors/${await idOf(shop, 'ada')}/events`;
    const times = async (query: Record<string, string>) =>
      (await get(shop, path, query)).body.data.map(({ timestamp }) => timestamp);
    const all = [at('10:00:00', '02'), at('08:05:00'), at('08:00:00')];
    expect(await times({})).toEqual(all);
    expect(await times({ order: 'asc' })).toEqual(all.toReversed());
    expect(await times({ names: 'buy,none' })).toEqual([at('08:05:00')]);
    const { body } = await get(shop, path, { limit: '2' });
    expect(await times({ limit: '2', cursor: body.page.next ?? '' })).toEqual([at('08:00:00')]);
    expect(await times({ names: 'none' })).toEqual([]);
  });

  it('is nobody where the project keeps no event, or the project is another', async () => {
    const [shop, other] = [await aShop(), await aProject(app)];
    const bob = await idOf(shop, 'bob');
    for (const path of ['', '/events', '/sessions']) {
      expect((await get(shop, `/visitors/${bob}${path}`)).status).toBe(200);
      expect((await get(other, `/visitors/${bob}${path}`)).status).toBe(404);
      expect((await get(shop, `/visitors/00000000000000ff${path}`)).status).toBe(404);
      expect((await get(shop, `/visitors/bob${path}`)).status).toBe(400);
    }
  });

  it('is read by keys with events:read alone', async () => {
    const shop = await aShop();
    const bob = await idOf(shop, 'bob');
    for (const path of ['/visitors', `/visitors/${bob}`, `/visitors/${bob}/events`, `/visitors/${bob}/sessions`]) {
      expect((await get(shop, path, {}, shop.keys.pub)).status).toBe(403);
      expect((await ask(app, path)).status).toBe(401);
    }
  });
});

describe('traits', () => {
  const traitsOf = async (project: AProject, id: unknown) =>
    (await get<Row>(project, `/visitors/${String(id)}`)).body.traits;

  it('are set, added up, and kept where they were first', async () => {
    const project = await aProject(app);
    await send(project, event(undefined, at('08:00:00'), { userId: 'eve' }));
    const identify = (body: object) =>
      ask<Row>(app, '/visitors/identify', { key: project.keys.sec, body: { userId: 'eve', ...body } });
    const { body } = await identify({
      traits: { plan: 'free', beta: true },
      add: { spent: 0.1 },
      once: { first: 'a' },
    });
    expect(await traitsOf(project, body.id)).toEqual({ plan: 'free', beta: true, spent: 0.1, first: 'a' });
    await identify({ traits: { plan: 'pro', beta: null }, add: { spent: 0.2, plan2: 1 }, once: { first: 'b', x: 1 } });
    const traits = { plan: 'pro', beta: null, spent: 0.3, plan2: 1, first: 'a', x: 1 };
    expect(await traitsOf(project, body.id)).toEqual(traits);
    expect((await list(project))[0]?.traits).toEqual(traits);
  });

  it('lose no change of many at once, and add nothing twice under one Idempotency-Key', async () => {
    const project = await aProject(app);
    await send(project, event(undefined, at('08:00:00'), { userId: 'eve' }));
    const identify = (body: object, headers = {}) =>
      ask<Row>(app, '/visitors/identify', { key: project.keys.sec, body: { userId: 'eve', ...body }, headers });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => identify({ add: { orders: 1 }, traits: { [`k${index}`]: index } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const again = { 'idempotency-key': randomUUID() };
    for (let times = 0; times < 2; times += 1) expect((await identify({ add: { orders: 1 } }, again)).status).toBe(200);
    const traits = (await traitsOf(project, answers[0]?.body.id)) as Record<string, unknown>;
    expect(traits['orders']).toBe(21);
    expect(Object.keys(traits)).toHaveLength(21);
  });

  it('are refused where they are no scalars, too many, or changed twice', async () => {
    const project = await aProject(app);
    const identify = async (body: object, key = project.keys.sec) =>
      faultsOf(await ask(app, '/visitors/identify', { key, body: { userId: 'eve', ...body } }));
    const many = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${from + index}`, index]));
    expect(await identify({ traits: { a: {} } })).toBe('400 traits.a not_a_scalar');
    expect(await identify({ traits: [] })).toBe('400 traits not_an_object');
    expect(await identify({ add: { a: '1' } })).toBe('400 add.a not_a_number');
    expect(await identify({ add: { a: 1e16 } })).toBe('400 add.a out_of_range');
    expect(await identify({ traits: { a: 1 }, once: { a: 2 } })).toBe('400 once.a repeated_key');
    expect(await identify({ traits: { '': 1 } })).toBe('400 traits invalid_key');
    expect(await identify({ traits: { a: 'x\0' } })).toBe('400 traits.a invalid_characters');
    expect(await identify({ traits: many(0, 101) })).toBe('400 traits too_large');
    expect(await identify({ traits: { a: 'x'.repeat(8_200) } })).toBe('400 traits too_large');
    expect(await identify({ traits: many(0, 60) })).toBe('200 ');
    expect(await identify({ once: many(60, 41) })).toBe('400 traits too_large');
    expect(await identify({ once: many(60, 40) })).toBe('200 ');
    expect(await identify({ userId: undefined })).toBe('400 userId required');
    expect(await identify({}, project.keys.pub)).toBe('403 ');
  });
});
