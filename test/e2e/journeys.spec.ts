// Does the route of journeys keep the contract, from events sent to a picture read?
import { randomUUID } from 'node:crypto';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

interface Journeys {
  data: { path: string[]; count: number; share: number }[];
  page: { next: string | null };
  total: number;
  nodes: { id: string; step: number; value: string | null; count: number; entries: number; exits: number }[];
  links: { source: string; target: string; count: number }[];
  meta: Record<string, unknown> & { explain?: { parts: { name: string }[] } };
}
interface Fault {
  errors?: { path: string; code: string }[];
}

let app: TestApp;
let shop: AProject;

const event = (visitorId: string, at: string, path: string, more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp: `2026-05-01T${at}Z`,
  visitorId,
  url: `https://shop.example${path}`,
  ...more,
});

beforeAll(async () => {
  app = await startTestApp();
  shop = await aProject(app, { timezone: 'Europe/Berlin' });
  const events = [
    event('ada', '10:00:00.000', '/'),
    // The same millisecond: the order of the request holds.
    event('ada', '10:01:00.000', '/shoes'),
    event('ada', '10:01:00.000', '/cart'),
    event('ada', '10:02:00.000', '/cart', { name: 'buy', context: { locale: 'de' } }),
    // A session of its own.
    event('ada', '20:00:00.000', '/shoes'),
    event('bob', '10:00:00.000', '/'),
    event('bob', '10:00:01.000', '/'),
    event('bob', '10:01:00.000', '/shoes'),
    event('eve', '11:00:00.000', '/'),
    event('eve', '11:01:00.000', '/shoes'),
  ];
  const { status, body } = await ask(app, '/events/batch', { key: shop.keys.sec, body: { events } });
  expect([status, body.accepted]).toEqual([200, events.length]);
});
afterAll(() => app.close());

const journeys = (parameters: Record<string, string> = {}): Promise<Answer<Journeys>> =>
  ask<Journeys>(
    app,
    `/stats/journeys?${new URLSearchParams({ from: '2026-05-01', to: '2026-05-01', ...parameters }).toString()}`,
    { key: shop.keys.sec },
  );

const faultsOf = ({ status, body }: Answer<unknown>): string =>
  `${status} ${((body as Fault).errors ?? []).map(({ path, code }) => `${path} ${code}`).join()}`;

it('lists the most frequent paths, and draws all of them', async () => {
  const { status, headers, body } = await journeys();
  expect(status).toBe(200);
  expect(body).toEqual({
    data: [
      { path: ['/', '/shoes'], count: 2, share: 0.5 },
      { path: ['/', '/shoes', '/cart'], count: 1, share: 0.25 },
      { path: ['/shoes'], count: 1, share: 0.25 },
    ],
    page: { next: null },
    total: 4,
    nodes: [
      { id: '0.0', step: 0, value: '/', count: 3, entries: 3, exits: 0 },
      { id: '0.1', step: 0, value: '/shoes', count: 1, entries: 1, exits: 1 },
      { id: '1.0', step: 1, value: '/shoes', count: 3, entries: 0, exits: 2 },
      { id: '2.0', step: 2, value: '/cart', count: 1, entries: 0, exits: 1 },
    ],
    links: [
      { source: '0.0', target: '1.0', count: 3 },
      { source: '1.0', target: '2.0', count: 1 },
    ],
    meta: {
      from: '2026-05-01T00:00:00.000+02:00',
      to: '2026-05-02T00:00:00.000+02:00',
      timezone: 'Europe/Berlin',
    },
  });
  expect(headers.get('server-timing')).toMatch(
    /^cache;desc=bypass, query;dur=.*journeys_sessions.*journeys;dur=.*total;dur=/,
  );
});

it('takes every option', async () => {
  const paths = async (parameters: Record<string, string>): Promise<string[]> => {
    const { status, body } = await journeys(parameters);
    expect(status).toBe(200);
    return body.data.map(({ path, count }) => `${path.join(' > ')} = ${count}`);
  };
  expect(await paths({ unit: 'visitor', start: '/shoes', steps: '2' })).toEqual(['/shoes = 2', '/shoes > /cart = 1']);
  expect(await paths({ end: '/cart', steps: '2' })).toEqual(['/shoes > /cart = 1']);
  expect(await paths({ start: '/', end: '/c*' })).toEqual(['/ > /shoes > /cart = 1']);
  expect(await paths({ around: '/shoes', steps: '10' })).toEqual([
    '/ > /shoes = 2',
    '/ > /shoes > /cart = 1',
    '/shoes = 1',
  ]);
  expect(await paths({ by: 'event', repeats: 'keep', steps: '3' })).toEqual(
    ['pageview > pageview = 1', 'pageview > pageview > pageview = 2', 'pageview = 1'].toSorted(
      (a, b) => Number(b.slice(-1)) - Number(a.slice(-1)) || (a < b ? -1 : 1),
    ),
  );
  expect(await paths({ groups: '[["/{shoes,cart}","Shop"]]', unit: 'visitor' })).toEqual(['/ > Shop = 3']);
  expect(await paths({ filters: '["isNot","page",["/"]]' })).toEqual(['/shoes = 3', '/shoes > /cart = 1']);
  expect(await paths({ filters: '["is","entryPage",["/shoes"]]' })).toEqual(['/shoes = 1']);
});

it('walks the list by its cursor', async () => {
  const walked: string[] = [];
  let cursor: string | null = null;
  do {
    const { status, body }: Answer<Journeys> = await journeys({ limit: '1', ...(cursor === null ? {} : { cursor }) });
    expect([status, body.total]).toEqual([200, 4]);
    walked.push(...body.data.map(({ path }) => path.join(' > ')));
    cursor = body.page.next;
  } while (cursor !== null);
  expect(walked).toEqual(['/ > /shoes', '/ > /shoes > /cart', '/shoes']);
});

it('says what it read where that is asked for', async () => {
  const { body } = await journeys({ explain: 'true' });
  expect(new Set(body.meta.explain?.parts.map(({ name }) => name))).toEqual(
    new Set(['journeys_sessions', 'journeys', 'journeys_ways']),
  );
});

it('answers nothing with nothing', async () => {
  const { status, body } = await journeys({ from: '2020-01-01', to: '2020-01-02' });
  expect(status).toBe(200);
  expect(body).toMatchObject({ data: [], page: { next: null }, total: 0, nodes: [], links: [] });
});

it('takes 2 and 10 steps, and neither 1 nor 11', async () => {
  const answers = await Promise.all(['1', '2', '10', '11', '2.5'].map((steps) => journeys({ steps })));
  expect(answers.map(({ status }) => status)).toEqual([400, 200, 200, 400, 400]);
});

it.each([
  ['by not_allowed', { by: 'path' }],
  ['unit not_allowed', { unit: 'user' }],
  ['repeats not_allowed', { repeats: 'yes' }],
  ['around conflict', { start: '/', around: '/shoes' }],
  ['around conflict', { end: '/', around: '/shoes' }],
  ['start too_short', { start: '' }],
  ['groups invalid_json', { groups: '[["/a","A"]' }],
  ['groups not_a_list', { groups: '{"/a":"A"}' }],
  ['groups[0] invalid_item', { groups: '[["/a"]]' }],
  ['groups[1] invalid_item', { groups: '[["/a","A"],["/b",3]]' }],
  ['groups[0] invalid_item', { groups: '[["/a","\\ud800"]]' }],
  ['groups[0] invalid_item', { groups: JSON.stringify([['/a', 'x'.repeat(101)]]) }],
  ['groups too_many_items', { groups: JSON.stringify(Array.from({ length: 51 }, (_, at) => [`/${at}`, 'A'])) }],
  ['groups unused', { groups: '[["/a","A"]]', by: 'event' }],
  ['cursor invalid_cursor', { cursor: 'x' }],
  ['compare unknown_field', { compare: 'previous' }],
  ['filters[1] unknown_dimension', { filters: '["is","shoe",["1"]]' }],
  ['filters[2][0] unknown_goal', { filters: '["is","goal",["Purchase"]]' }],
  ['limit out_of_range', { limit: '1001' }],
])('says %s', async (fault, parameters: Record<string, string>) => {
  expect(faultsOf(await journeys(parameters))).toBe(`400 ${fault}`);
});

const cursorOf = (...values: unknown[]): string => Buffer.from(JSON.stringify(values)).toString('base64url');
const FROM = Date.parse('2026-05-01T00:00:00+02:00');
const TO = FROM + 86_400_000;

it.each([
  ['another range', cursorOf(1, '/', '1', FROM, TO + 1, 1), {}],
  ['a sample where all is to be exact', cursorOf(1, '/', '1', FROM, TO, 8), { precision: 'exact' }],
  ['no sample', cursorOf(1, '/', '1', FROM, TO, 3), {}],
  ['no hash', cursorOf(1, '/', '99999999999999999999', FROM, TO, 1), {}],
  ['half a count', cursorOf(1.5, '/', '1', FROM, TO, 1), {}],
  ['half a character', cursorOf(1, '\ud800', '1', FROM, TO, 1), {}],
])('refuses a cursor of %s', async (_, cursor, more: Record<string, string>) => {
  expect(faultsOf(await journeys({ cursor, ...more }))).toBe('400 cursor invalid_cursor');
});

it('has no answer for what does not mean anything, and never fails at it', async () => {
  for (const anchor of [
    '**',
    '{',
    '}{,',
    '\\',
    "'",
    '[',
    '(?s)',
    '?'.repeat(500),
    '{a,{b,c}}',
    '{,}'.repeat(160),
    'ä*',
  ])
    expect([anchor, (await journeys({ start: anchor, end: anchor })).status]).toEqual([anchor, 200]);
  const groups = JSON.stringify(Array.from({ length: 50 }, (_, at) => [`/**/{a,b${at}}/?*`, `G${at}`]));
  expect((await journeys({ groups })).status).toBe(200);
});

it('needs the scope', async () => {
  const path = '/stats/journeys?period=7d';
  expect((await ask(app, path)).status).toBe(401);
  expect((await ask(app, path, { key: shop.keys.pub })).status).toBe(403);
});
