// Does each event come out once, the same each time, and recognisable when it is sent again?
import * as fc from 'fast-check';
import { validateEvent } from '../event-input';
import type { EventInput } from '../event-input';
import type { IngestContext, IngestStep } from './ingest.types';
import { filter, filterReasons, rejectCodes } from './outcomes';
import { ingestEvent, ingestSteps, runPipeline, sampling } from './pipeline';
import { accepted, aContext, anEvent, aProject, CHROME, NOON } from './world.fixture';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const someTime = fc.oneof(
  fc.integer({ min: NOON - 40 * DAY, max: NOON + 3 * HOUR }),
  fc
    .date({ min: new Date(NOON - 40 * DAY), max: new Date(NOON + 3 * HOUR), noInvalidDate: true })
    .map((date) => date.toISOString()),
);

const someEvent: fc.Arbitrary<EventInput> = fc.record(
  {
    name: fc.constantFrom('pageview', 'signup'),
    id: fc.uuid({ version: [4, 7] }),
    timestamp: someTime,
    visitorId: fc.constantFrom('ann', 'bob'),
    userId: fc.constantFrom('ann', 'u1'),
    sessionId: fc.constantFrom('s1', 's2'),
    url: fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.constantFrom('/admin/x', '/ok')),
    referrer: fc.oneof(fc.webUrl(), fc.constantFrom('', 'nonsense', 'https://www.google.de/')),
    properties: fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), fc.integer()),
  },
  { requiredKeys: ['name'] },
);

const someContext: fc.Arbitrary<IngestContext> = fc
  .record({
    receivedAt: fc.integer({ min: NOON - 2 * HOUR, max: NOON + 2 * HOUR }),
    skew: fc.option(fc.constantFrom(0, 60_000, 60_001, -60_000, -60_001, 5 * HOUR), { nil: undefined }),
    address: fc.constantFrom('203.0.113.7', '198.51.100.1', '::ffff:203.0.113.7', '2001:db8::1'),
    userAgent: fc.constantFrom(CHROME, '', 'Googlebot/2.1'),
    botPolicy: fc.constantFrom('drop' as const, 'mark' as const, 'keep' as const),
  })
  .map(({ receivedAt, skew, botPolicy, ...rest }) =>
    aContext({
      ...rest,
      receivedAt,
      ...(skew === undefined ? {} : { sentAt: receivedAt - skew }),
      retainedFrom: receivedAt - 30 * DAY,
      project: aProject({ botPolicy, excludedPaths: ['/admin/**'], excludedIps: ['198.51.100.0/24'] }),
    }),
  );

describe('the pipeline', () => {
  it('ends each event received in exactly one way: kept, filtered or rejected', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(someEvent, fc.jsonValue()), { maxLength: 30 }), someContext, (values, context) => {
        const count = { event: 0, filtered: 0, rejected: 0 };
        for (const value of values) {
          const outcome = ingestEvent(value, context);
          count[outcome.kind]++;
          if (outcome.kind === 'filtered') expect(Object.keys(filterReasons)).toContain(outcome.reason);
          if (outcome.kind === 'rejected') {
            expect(Object.keys(rejectCodes)).toContain(outcome.code);
            expect(outcome.errors.length).toBeGreaterThan(0);
          }
          expect(outcome.kind === 'rejected' && outcome.code === 'invalid_event').toBe(
            validateEvent(value).errors !== undefined,
          );
        }
        expect(count.event + count.filtered + count.rejected).toBe(values.length);
      }),
    ));

  it('gives the same outcome for the same event in the same context', () =>
    fc.assert(
      fc.property(someEvent, someContext, (event, context) => {
        expect(ingestEvent(structuredClone(event), context)).toEqual(ingestEvent(event, context));
      }),
    ));

  it('gives an event that is sent again the same sort key wherever it says so', () =>
    fc.assert(
      fc.property(someEvent, someContext, someContext, (event, first, second) => {
        const outcomes = [first, second].map((context) => ingestEvent(event, context));
        const keys = outcomes.flatMap((outcome) =>
          outcome.kind === 'event' && outcome.keyStable && outcome.idGiven
            ? [[outcome.row.project_id, outcome.row.ts, outcome.row.visitor_id, outcome.row.event_id].join()]
            : [],
        );
        expect(new Set(keys).size).toBeLessThanOrEqual(1);
      }),
    ));

  it('calls the key stable exactly where the server neither set the time nor derived the visitor', () =>
    fc.assert(
      fc.property(someEvent, someContext, (event, context) => {
        const outcome = ingestEvent(event, context);
        if (outcome.kind === 'event') expect(outcome.keyStable).toBe((outcome.row.flags & 6) === 0);
      }),
    ));

  it('keeps every column within its range', () =>
    fc.assert(
      fc.property(someEvent, someContext, (event, context) => {
        const outcome = ingestEvent(event, context);
        if (outcome.kind !== 'event') return;
        const { row } = outcome;
        for (const hash of [row.visitor_id, row.user_id, row.session_id]) {
          expect(hash).toMatch(/^\d{1,20}$/);
          expect(BigInt(hash) < 2n ** 64n).toBe(true);
        }
        expect(row.visitor_id).not.toBe('0');
        expect(row.event_id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(Number.isInteger(row.ts)).toBe(true);
        for (const value of Object.values(row)) {
          if (typeof value === 'string') expect(Buffer.from(value).toString()).toBe(value);
        }
      }),
    ));

  it('writes what the event brought into its columns', () => {
    const { row, warnings, idGiven, keyStable } = accepted({
      id: '0195526C-5B7A-7C3E-9D0A-2F6B1F0C9A11',
      name: 'purchase',
      timestamp: NOON - 5,
      sessionId: 's',
      url: 'https://Shop.Example:8443/a/b?utm_source=News&x=1#top',
      referrer: 'https://duckduckgo.com/?q=x',
      title: 'A',
      properties: { plan: 'pro', seats: 5, trial: false, tags: ['a'], none: null },
      revenue: { amount: 0.1 + 0.2, currency: 'EUR' },
      context: { locale: 'pt_br', timezone: 'Europe/Berlin', screen: { width: 1920, height: 1080 } },
    });
    expect({ warnings, idGiven, keyStable }).toEqual({ warnings: [], idGiven: true, keyStable: true });
    expect(row).toMatchObject({
      project_id: 7,
      ts: NOON - 5,
      received_at: NOON,
      event_id: '0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a11',
      name: 'purchase',
      user_id: '0',
      origin: 'https://shop.example:8443',
      hostname: 'shop.example',
      path: '/a/b',
      query: '?utm_source=News&x=1#top',
      title: 'A',
      referrer: 'https://duckduckgo.com/?q=x',
      referrer_host: 'duckduckgo.com',
      source: 'News',
      channel: 'Referral',
      utm_source: 'News',
      country: 'DE',
      browser: 'Chrome',
      browser_version: '126',
      os: 'Windows',
      os_version: '10',
      device: 'desktop',
      screen: '1920x1080',
      language: 'pt-BR',
      timezone: 'Europe/Berlin',
      ip: '',
      flags: 0,
      revenue: '0.3000',
      currency: 'EUR',
      properties: [
        ['plan', '"pro"'],
        ['seats', '5'],
        ['trial', 'false'],
        ['tags', '["a"]'],
        ['none', 'null'],
      ],
    });
  });

  it('makes an id where none was given, and says so', () => {
    const outcome = accepted({});
    expect(outcome.idGiven).toBe(false);
    expect(outcome.row.event_id).toBe('0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a99');
  });

  it('keeps the address only where the project asks for it', () => {
    expect(accepted({}).row.ip).toBe('');
    expect(accepted({}, { project: aProject({ storeIp: true }), address: '::ffff:1.2.3.4' }).row.ip).toBe('1.2.3.4');
  });

  it('believes address and user agent of the context only from a trusted key, and says so otherwise', () => {
    const context = {
      ip: '198.51.100.9',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
    };
    const project = aProject({ storeIp: true });
    expect(accepted({ context }, { trusted: true, project }).row).toMatchObject({ ip: context.ip, browser: 'Firefox' });
    const untrusted = accepted({ context }, { trusted: false, project });
    expect(untrusted.row).toMatchObject({ ip: '203.0.113.7', browser: 'Chrome' });
    expect(untrusted.warnings.map(({ code, path }) => `${path}: ${code}`)).toEqual([
      'context.ip: untrusted_context_ignored',
      'context.userAgent: untrusted_context_ignored',
    ]);
  });

  it('runs steps of a team’s own after its own', () => {
    const dropTests: IngestStep = ({ row }) => (row.hostname === 'test.example' ? filter('excluded_path') : undefined);
    const run = (url: string) => runPipeline(anEvent({ url }), aContext(), [...ingestSteps, dropTests]).kind;
    expect([run('https://test.example/'), run('https://shop.example/')]).toEqual(['filtered', 'event']);
  });

  it('times one run in so many, and tells of every end', () => {
    const told: string[] = [];
    let clock = 0;
    const observer = sampling(
      2,
      () => clock++,
      (name, result, ns) => told.push(`${name} ${result} ${ns ?? '-'}`),
    );
    const context = aContext({ project: aProject({ excludedIps: ['203.0.113.7'] }) });
    runPipeline(anEvent(), context, ingestSteps, observer);
    expect(told.at(0)).toBe('takeTime passed 1');
    expect(told.at(-1)).toBe('dropExcludedAddress excluded_ip 1');
    told.length = 0;
    runPipeline(anEvent(), context, ingestSteps, observer);
    expect(told).toEqual(['dropExcludedAddress excluded_ip -']);
  });

  it('gives every step a name of its own, for the metrics', () => {
    const names = ingestSteps.map(({ name }) => name);
    expect(new Set(names).size).toBe(ingestSteps.length);
    expect(names).not.toContain('');
  });
});
