// Do summaries, time series, properties and refusals agree with what is stored?
import { randomUUID } from 'node:crypto';
import { newId } from '../../src/common/ids';
import { clickhouseTime } from '../../src/platform/clickhouse/sql';
import type {
  EventSummaryDto,
  EventTimeseriesDto,
  PropertyKeyDto,
  PropertyValueDto,
  RejectedEventDto,
} from '../../src/events/read/events-read.dto';
import { type ReadApp, ReadProject, startReadApp } from './events-read.harness';

interface List<T> {
  data: T[];
  page: { next: string | null };
}

const NOON = Date.UTC(2026, 2, 10, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let app: ReadApp;
const aProject = (timezone?: string): ReadProject => new ReadProject(app, timezone);

beforeAll(async () => {
  app = await startReadApp();
});
afterAll(() => app.close());

const all = async <T>(project: ReadProject, path: string, query: Record<string, string> = {}): Promise<T[]> => {
  const seen: T[] = [];
  let cursor: string | null = null;
  do {
    const page: List<T> = await project.get(path, cursor === null ? query : { ...query, cursor });
    seen.push(...page.data);
    cursor = page.page.next;
  } while (cursor !== null);
  return seen;
};

describe('the summary', () => {
  it('counts events and visitors after links, with the first and the last time', async () => {
    const project = aProject();
    const [anna, phone, laptop] = ['e'.repeat(16), 'a'.repeat(16), 'b'.repeat(16)];
    await app.clickhouse.insert({
      table: 'visitor_links',
      columns: ['project_id', 'visitor_id', 'user_id', 'first_at'],
      body: `${JSON.stringify([project.project.number, BigInt(`0x${phone}`).toString(), BigInt(`0x${anna}`).toString(), clickhouseTime(NOON)])}\n`,
      token: randomUUID(),
    });
    const [first = ''] = await project.store(
      { ts: NOON - DAY, visitor: phone },
      { ts: NOON, visitor: laptop, user: anna },
      { ts: NOON + 1, visitor: 'c'.repeat(16) },
      { ts: NOON, name: 'signup', visitor: phone, user: anna },
    );
    // The same event again is no other event.
    await project.store({ ts: NOON - DAY, visitor: phone, event_id: first, received_at: NOON + DAY });
    expect(await all<EventSummaryDto>(project, '/summary', { limit: '1' })).toEqual([
      {
        name: 'pageview',
        events: 3,
        visitors: 2,
        firstSeenAt: '2026-03-09T12:00:00.000Z',
        lastSeenAt: '2026-03-10T12:00:00.001Z',
      },
      {
        name: 'signup',
        events: 1,
        visitors: 1,
        firstSeenAt: '2026-03-10T12:00:00.000Z',
        lastSeenAt: '2026-03-10T12:00:00.000Z',
      },
    ]);
  });

  it('is narrowed by range, name, search and filters', async () => {
    const project = aProject();
    await project.store(
      { ts: NOON, name: 'Sign up' },
      { ts: NOON, name: 'sign in' },
      { ts: NOON - DAY, name: 'x', country: 'DE' },
    );
    const names = async (query: Record<string, string>): Promise<string[]> =>
      (await all<EventSummaryDto>(project, '/summary', query)).map(({ name }) => name);
    expect(await names({ search: 'SIGN' })).toEqual(['Sign up', 'sign in']);
    expect(await names({ search: '%' })).toEqual([]);
    expect(await names({ name: 'x' })).toEqual(['x']);
    expect(await names({ from: '2026-03-10', to: '2026-03-10' })).toEqual(['Sign up', 'sign in']);
    expect(await names({ filters: '["is","country",["DE"]]' })).toEqual(['x']);
    expect(await names({ filters: '["is","exitPage",["/none"]]' })).toEqual([]);
  });
});

describe('the time series', () => {
  it('has every local day, also the one of 23 hours, and adds up to what is stored', async () => {
    const project = aProject('America/New_York');
    const from = Date.UTC(2026, 2, 7, 5);
    const hours = Array.from({ length: 72 }, (_, at) => from + at * HOUR);
    await project.store(...hours.map((ts, at) => ({ ts, name: at % 9 === 0 ? 'signup' : 'pageview' })));
    const query = { from: '2026-03-07', to: '2026-03-09', interval: 'day', names: 'signup,pageview,never' };
    const { data, meta } = await project.get<EventTimeseriesDto>('/timeseries', query);
    expect(data.map(({ time }) => time)).toEqual([
      '2026-03-07T00:00:00.000-05:00',
      '2026-03-08T00:00:00.000-05:00',
      '2026-03-09T00:00:00.000-04:00',
    ]);
    expect(data.map(({ counts }) => (counts.signup ?? 0) + (counts.pageview ?? 0))).toEqual([24, 23, 24]);
    expect(data.map(({ counts }) => counts.never)).toEqual([0, 0, 0]);
    expect(meta).toEqual({
      from: '2026-03-07T00:00:00.000-05:00',
      to: '2026-03-10T00:00:00.000-04:00',
      timezone: 'America/New_York',
      interval: 'day',
      names: ['signup', 'pageview', 'never'],
    });
  });

  it('counts by the hour where the clock is put back, filters, and takes the most frequent names by itself', async () => {
    const project = aProject();
    await project.store(
      { ts: Date.UTC(2026, 9, 25, 0, 30), country: 'DE' },
      { ts: Date.UTC(2026, 9, 25, 1, 30), country: 'DE' },
      { ts: Date.UTC(2026, 9, 25, 1, 31) },
      { ts: Date.UTC(2026, 9, 25, 1, 30), name: 'signup', country: 'DE' },
    );
    const query = {
      from: '2026-10-25T00:00:00Z',
      to: '2026-10-25T03:00:00Z',
      interval: 'hour',
      timezone: 'Europe/Berlin',
    };
    const { data } = await project.get<EventTimeseriesDto>('/timeseries', {
      ...query,
      filters: '["is","country",["DE"]]',
    });
    expect(data).toEqual([
      { time: '2026-10-25T02:00:00.000+02:00', counts: { pageview: 1, signup: 0 } },
      { time: '2026-10-25T02:00:00.000+01:00', counts: { pageview: 1, signup: 1 } },
      { time: '2026-10-25T03:00:00.000+01:00', counts: { pageview: 0, signup: 0 } },
    ]);
  });

  it('of a project without events has its buckets, and no names', async () => {
    const project = aProject();
    const { data, meta } = await project.get<EventTimeseriesDto>('/timeseries', { period: '7d' });
    expect([data.length, data[0]?.counts, meta.names]).toEqual([7, {}, []]);
    const whole = await project.get<EventTimeseriesDto>('/timeseries', { period: 'all' });
    expect(whole.data).toHaveLength(1);
  });
});

describe('properties', () => {
  it('are listed by key, with the types seen', async () => {
    const project = aProject();
    await project.store(
      { ts: NOON, properties: { plan: 'pro', seats: 3, deep: { a: 1 }, 'a"b': true } },
      { ts: NOON, properties: { plan: null, seats: -1.5, list: [], 'a"b': false } },
      { ts: NOON, name: 'signup', properties: { plan: 7, Seats: '3' } },
    );
    const keys = await all<PropertyKeyDto>(project, '/properties', { limit: '2' });
    expect(keys).toEqual([
      { key: 'Seats', events: 1, types: { string: 1 } },
      { key: 'a"b', events: 2, types: { boolean: 2 } },
      { key: 'deep', events: 1, types: { object: 1 } },
      { key: 'list', events: 1, types: { array: 1 } },
      { key: 'plan', events: 3, types: { null: 1, number: 1, string: 1 } },
      { key: 'seats', events: 2, types: { number: 2 } },
    ]);
    const signup = await all<PropertyKeyDto>(project, '/properties', { name: 'signup', search: 'PLAN' });
    expect(signup.map(({ key }) => key)).toEqual(['plan']);
    const filtered = await all<PropertyKeyDto>(project, '/properties', { filters: '["is","entryPage",["/none"]]' });
    expect(filtered).toEqual([]);
  });

  it('have their most frequent values with their types, text and number apart', async () => {
    const project = aProject();
    const values = ['pro', 'pro', 'pro', 7, 7, '7', true, null, { a: [1] }, '', 'pr"o\\é'];
    await project.store(...values.map((value) => ({ ts: NOON, properties: { plan: value, 'odd/key%': 1 } })));
    const ask = (query: Record<string, string>, key = 'plan'): Promise<List<PropertyValueDto>> =>
      project.get(`/properties/${encodeURIComponent(key)}/values`, query);
    const { data, page } = await ask({});
    expect(data.slice(0, 2)).toEqual([
      { value: 'pro', events: 3 },
      { value: 7, events: 2 },
    ]);
    expect(data.slice(2).map(({ value }) => value)).toEqual(
      expect.arrayContaining(['7', true, null, { a: [1] }, '', 'pr"o\\é']),
    );
    expect([data.length, page]).toEqual([8, { next: null }]);
    expect((await ask({ limit: '1' })).data).toHaveLength(1);
    expect((await ask({ search: 'R"O\\' })).data.map(({ value }) => value)).toEqual(['pr"o\\é']);
    expect((await ask({}, 'odd/key%')).data).toEqual([{ value: 1, events: 11 }]);
    expect((await ask({}, 'nothing')).data).toEqual([]);
  });
});

describe('refused events', () => {
  const refuse = (project: ReadProject, ...rejects: { at: number; code?: string; payload?: string; id?: string }[]) =>
    app.clickhouse.insert({
      table: 'rejected_events',
      columns: ['project_id', 'reject_id', 'received_at', 'event_id', 'name', 'code', 'errors', 'payload'],
      body: rejects
        .map(
          ({ at, code = 'invalid_event', payload = '{"name":"x"}', id = newId() }) =>
            `${JSON.stringify([project.project.number, id, clickhouseTime(at), '', 'x', code, '[{"path":"a","code":"b","message":"c"}]', payload])}\n`,
        )
        .join(''),
      token: randomUUID(),
    });

  it('are walked newest first, with what was sent', async () => {
    const project = aProject();
    const now = Date.now();
    const made = Array.from({ length: 7 }, () => newId());
    await refuse(
      project,
      ...made.map((id, at) => ({ id, at: now - Math.floor(at / 3), payload: at === 0 ? '{"cut' : '{"name":"x"}' })),
    );
    const seen = await all<RejectedEventDto>(project, '/rejected', { limit: '2' });
    const expected = [2, 1, 0, 5, 4, 3, 6].map((at) => made[at]);
    expect(seen.map(({ id }) => id)).toEqual(expected);
    expect(seen[1]).toEqual({
      id: made[1],
      receivedAt: new Date(now).toISOString(),
      eventId: null,
      name: 'x',
      code: 'invalid_event',
      errors: [{ path: 'a', code: 'b', message: 'c' }],
      payload: { name: 'x' },
    });
    expect(seen[2]?.payload).toBe('{"cut');
    expect(await all(aProject(), '/rejected')).toEqual([]);
  });

  it('are narrowed by code and time, and forgotten after seven days', async () => {
    const project = aProject();
    const now = Date.now();
    await refuse(
      project,
      { at: now, code: 'a' },
      { at: now - DAY, code: 'b' },
      { at: now - 7 * DAY - 60_000, code: 'a' },
    );
    const codes = async (query: Record<string, string>): Promise<string[]> =>
      (await all<RejectedEventDto>(project, '/rejected', query)).map(({ code }) => code);
    expect(await codes({})).toEqual(['a', 'b']);
    expect(await codes({ from: '2020-01-01' })).toEqual(['a', 'b']);
    expect(await codes({ code: 'b' })).toEqual(['b']);
    expect(await codes({ from: new Date(now - HOUR).toISOString() })).toEqual(['a']);
    expect(await codes({ to: new Date(now - HOUR).toISOString() })).toEqual(['b']);
  });
});
