// Do the reading routes give back what is stored, all of it, once, and nothing of anybody else?
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { v7 } from 'uuid';
import { hashIdentifier } from '../../src/events/pipeline';
import type { EventDto } from '../../src/events/read/event.dto';
import { type ReadApp, ReadProject, startReadApp } from './events-read.harness';

interface List<T> {
  data: T[];
  page: { next: string | null };
}

const NOON = Date.UTC(2026, 2, 8, 12);
const DAY = 86_400_000;

let app: ReadApp;
const aProject = (timezone?: string): ReadProject => new ReadProject(app, timezone);

beforeAll(async () => {
  app = await startReadApp();
});
afterAll(() => app.close());

const walk = async (
  project: ReadProject,
  query: Record<string, string>,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<EventDto[]> => {
  const seen: EventDto[] = [];
  let cursor: string | null = null;
  do {
    const page: List<EventDto> = await project.get('', cursor === null ? query : { ...query, cursor });
    seen.push(...page.data);
    cursor = page.page.next;
    await between();
  } while (cursor !== null);
  return seen;
};

const ids = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);

describe('an event', () => {
  it('comes back with every field as it was stored', async () => {
    const project = aProject();
    const properties = {
      plan: 'pr"o\\',
      seats: 5,
      rate: 0.5,
      trial: false,
      none: null,
      list: [1, { a: 'b' }],
      ['x"y']: 'é',
    };
    const [id = ''] = await project.store({
      ts: NOON + 123,
      received_at: NOON + 456,
      name: 'pur\tchase "ä"',
      visitor: '00ff00ff00ff00ff',
      user: 'fedcba9876543210',
      origin: 'https://shop.example',
      hostname: 'shop.example',
      path: '/shoes',
      query: '?size=42#top',
      utm_source: 'news',
      country: 'DE',
      revenue: '12.5',
      currency: 'EUR',
      flags: 5,
      properties,
    });
    const event = await project.get<EventDto>(`/${id}`);
    expect(event).toMatchObject({
      id,
      name: 'pur\tchase "ä"',
      timestamp: '2026-03-08T12:00:00.123Z',
      receivedAt: '2026-03-08T12:00:00.456Z',
      visitorId: '00ff00ff00ff00ff',
      userId: 'fedcba9876543210',
      sessionId: null,
      url: 'https://shop.example/shoes?size=42#top',
      path: '/shoes',
      utm: { source: 'news', medium: null, campaign: null, content: null, term: null },
      country: 'DE',
      city: null,
      properties,
      revenue: { amount: '12.50', currency: 'EUR' },
      bot: true,
      visitorDerived: false,
      timeCorrected: true,
    });
    expect((await project.get<List<EventDto>>('')).data).toEqual([event]);
  });

  it('is found by an id of version 7 whether or not it carries the event’s time', async () => {
    const project = aProject();
    const near = v7({ msecs: NOON });
    const far = v7({ msecs: NOON - 90 * DAY });
    await project.store({ ts: NOON, event_id: near }, { ts: NOON, event_id: far });
    expect((await project.get<EventDto>(`/${near.toUpperCase()}`)).id).toBe(near);
    expect((await project.get<EventDto>(`/${far}`)).id).toBe(far);
  });

  it('of another project is not found, just like none', async () => {
    const [id = ''] = await aProject().store({ ts: NOON });
    const project = aProject();
    for (const unknown of [id, randomUUID(), v7()]) {
      const answer = await project.fetch(`/${unknown}`);
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'not_found']);
    }
  });
});

describe('the list', () => {
  it('goes by time, newest first or oldest first, over all time without a range', async () => {
    const project = aProject();
    const [old, new_, middle] = await project.store({ ts: NOON - 400 * DAY }, { ts: NOON }, { ts: NOON - 2 * DAY });
    expect(ids(await walk(project, { limit: '1' }))).toEqual([new_, middle, old]);
    expect(ids(await walk(project, { limit: '2', order: 'asc' }))).toEqual([old, middle, new_]);
  });

  it('is empty for a project without events, in both orders', async () => {
    const project = aProject();
    expect(await project.get('')).toEqual({ data: [], page: { next: null } });
    expect(await project.get('', { order: 'asc' })).toEqual({ data: [], page: { next: null } });
  });

  it('keeps the order in which ids of version 7 were made, within a millisecond', async () => {
    const project = aProject();
    const made = Array.from({ length: 20 }, () => v7());
    await project.store(...[...made].reverse().map((event_id) => ({ ts: NOON, event_id })));
    expect(ids(await walk(project, { order: 'asc', limit: '3' }))).toEqual(made);
  });

  it('neither skips nor repeats, whatever ties, while events arrive and are sent again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('asc', 'desc'),
        async (offsets, limit, order) => {
          const project = aProject();
          const rows = offsets.map((offset, at) => ({
            ts: NOON + offset,
            event_id: randomUUID(),
            visitor: `a00000000000000${at % 3}`,
          }));
          await project.store(...rows);
          let round = 0;
          const seen = await walk(project, { limit: String(limit), order }, () => {
            round += 1;
            const again = rows[round % rows.length];
            return project.store(
              { ts: NOON + (round % 4), name: 'late' },
              ...(again === undefined ? [] : [{ ...again, received_at: NOON + DAY + round, seq: round }]),
            );
          });
          const stable = seen.filter(({ name }) => name !== 'late');
          expect(ids(stable).sort()).toEqual(rows.map(({ event_id }) => event_id).sort());
          expect(new Set(ids(seen)).size).toBe(seen.length);
          const times = seen.map(({ timestamp }) => timestamp);
          expect(times).toEqual(order === 'asc' ? [...times].sort() : [...times].sort().reverse());
        },
      ),
      { numRuns: 15 },
    );
  });

  it('takes days of the asked zone, the last one included, and times, the last one excluded', async () => {
    const project = aProject('America/New_York');
    const [before, first, last, after] = await project.store(
      { ts: Date.UTC(2026, 2, 8, 4, 59, 59, 999) },
      { ts: Date.UTC(2026, 2, 8, 5) },
      { ts: Date.UTC(2026, 2, 9, 3, 59, 59, 999) },
      { ts: Date.UTC(2026, 2, 9, 4) },
    );
    const list = async (query: Record<string, string>): Promise<string[]> =>
      ids((await project.get<List<EventDto>>('', query)).data);
    expect(await list({ from: '2026-03-08', to: '2026-03-08' })).toEqual([last, first]);
    expect(await list({ from: '2026-03-08T05:00:00Z', to: '2026-03-08T23:59:59.999-04:00' })).toEqual([first]);
    expect(await list({ from: '2026-03-08', to: '2026-03-08', timezone: 'UTC' })).toEqual([first, before]);
    expect(await list({ from: '2026-03-09' })).toEqual([after]);
    expect(await list({ to: '2026-03-07' })).toEqual([before]);
    expect(await list({ period: 'all' })).toEqual([after, last, first, before]);
    expect(await list({ from: '0001-01-01', to: '9999-12-31' })).toHaveLength(4);
  });

  it('is narrowed by name, by identifiers as sent and as shown, and by filters', async () => {
    const project = aProject();
    const visitor = hashIdentifier(project.project, 'v', 'v-1');
    const user = hashIdentifier(project.project, 'u', 'u-1');
    const session = hashIdentifier(project.project, 's', 's-1');
    const [one, two, three] = await project.store(
      { ts: NOON, visitor, country: 'DE', properties: { seats: 3 } },
      { ts: NOON + 1, visitor: 'b'.repeat(16), user, name: 'signup', properties: { seats: 12 } },
      { ts: NOON + 2, visitor: 'b'.repeat(16), session, country: 'US' },
    );
    const list = async (query: Record<string, string>): Promise<string[]> =>
      ids(await walk(project, { ...query, order: 'asc', limit: '1' }));
    expect(await list({ name: 'signup' })).toEqual([two]);
    expect(await list({ visitorId: 'v-1' })).toEqual([one]);
    expect(await list({ visitorId: visitor })).toEqual([one]);
    expect(await list({ visitorId: 'B'.repeat(16) })).toEqual([two, three]);
    expect(await list({ userId: 'u-1' })).toEqual([two]);
    expect(await list({ userId: user })).toEqual([two]);
    expect(await list({ sessionId: 's-1' })).toEqual([three]);
    expect(await list({ sessionId: session, name: 'signup' })).toEqual([]);
    expect(await list({ visitorId: 'u-1' })).toEqual([]);
    const filtered = (filter: unknown): Promise<string[]> => list({ filters: JSON.stringify(filter) });
    expect(await filtered(['is', 'country', ['DE', 'US']])).toEqual([one, three]);
    expect(await filtered(['not', ['is', 'country', ['DE']]])).toEqual([two, three]);
    expect(await filtered(['gt', 'property:seats', [5]])).toEqual([two]);
    expect(await filtered(['is', 'visitor', [user]])).toEqual([two]);
    expect(await filtered(['did', ['is', 'event', ['signup']]])).toEqual([two]);
    expect(await filtered(['is', 'entryPage', ['/nowhere']])).toEqual([]);
  });

  it('never shows an event of another project', async () => {
    const [project, other] = [aProject(), aProject()];
    await other.store({ ts: NOON, properties: { secret: 1 } });
    for (const path of ['', '/summary', '/properties', '/properties/secret/values'])
      expect((await project.get<List<unknown>>(path)).data).toEqual([]);
    const [id = ''] = await other.store({ ts: NOON });
    const cursor = Buffer.from(JSON.stringify([NOON + 5, id])).toString('base64url');
    expect((await project.get<List<unknown>>('', { cursor })).data).toEqual([]);
  });

  it.each([
    ['?nonsense=1', 'nonsense'],
    ['?limit=0', 'limit'],
    ['?limit=1001', 'limit'],
    ['?limit=abc', 'limit'],
    ['?order=up', 'order'],
    ['?name=a&name=b', 'name'],
    ['?name=%00', 'name'],
    ['?cursor=nonsense', 'cursor'],
    [`?cursor=${Buffer.from('["1","2"]').toString('base64url')}`, 'cursor'],
    [`?cursor=${Buffer.from('[1e300,"x"]').toString('base64url')}`, 'cursor'],
    ['?from=2026-03-02&to=2026-03-01', 'from'],
    ['?from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z', 'from'],
    ['?from=2026-02-30', 'from'],
    ['?period=7d&from=2026-03-01', 'period'],
    ['?period=fortnight', 'period'],
    ['?timezone=Mars/Base', 'timezone'],
    ['?filters=nonsense', 'filters'],
    ['?filters=["is","nothing",["x"]]', 'filters[1]'],
    ['?filters=["matches","page",["("]]', 'filters'],
    ['/not-an-id', 'id'],
    ['/timeseries', 'period'],
    ['/timeseries?period=year&interval=minute', 'interval'],
    ['/timeseries?period=7d&interval=second', 'interval'],
    [`/timeseries?period=7d&names=${Array.from({ length: 21 }, (_, at) => at).join(',')}`, 'names'],
    ['/timeseries?period=7d&names=a,,b', 'names'],
    ['/summary?cursor=WzFd', 'cursor'],
    ['/properties/%00/values', 'key'],
    ['/rejected?code=', 'code'],
    ['/export', 'format'],
    ['/export?format=xml', 'format'],
    ['/export?format=csv&limit=1', 'limit'],
  ])('refuses %s with 400, saying where', async (path, where) => {
    const project = aProject();
    await project.store({ ts: NOON, path: '/' });
    const answer = await project.fetch(path);
    const body = (await answer.json()) as { errors?: { path: string }[] };
    expect([answer.status, body.errors?.map((error) => error.path)]).toEqual([400, [where]]);
  });
});
