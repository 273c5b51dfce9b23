import { encodeRow, eventColumns, type EventRow, flagBits } from '../../events/pipeline';
import { packEvents, unpack } from '../bus/live-message';
import { liveEventReader, MOST_EVENT_BYTES, pickFields } from './live-event';

const read = liveEventReader(eventColumns);
const blank = Object.fromEntries(eventColumns.map((name) => [name, ''])) as unknown as EventRow;
const at = Date.UTC(2026, 2, 1, 12, 0, 0, 5);
const aLine = (more: Partial<EventRow> = {}): string =>
  encodeRow({
    ...blank,
    project_id: 7,
    ts: at,
    received_at: at,
    seq: 0,
    flags: 0,
    properties: [],
    user_id: '0',
    session_id: '0',
    revenue: '0',
    event_id: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10',
    name: 'pageview',
    visitor_id: '255',
    ...more,
  });
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('a stored event on a stream', () => {
  it('says what was stored, and nothing that names a person or an address', () => {
    const line = aLine({
      user_id: '16',
      session_id: '9',
      ip: '192.0.2.7',
      origin: 'https://shop.example',
      hostname: 'shop.example',
      path: '/a "b"\n',
      query: '?token=1',
      referrer: 'https://www.google.com/?q=x',
      referrer_host: 'www.google.com',
      revenue: '12.5',
      currency: 'EUR',
      flags: flagBits.bot,
      properties: [
        ['plan', '"pro"'],
        ['seats', '5'],
      ],
    });
    const event = read(line);
    expect(event).toMatchObject({
      timestamp: '2026-03-01T12:00:00.005Z',
      visitorId: '00000000000000ff',
      userId: '0000000000000010',
      path: '/a "b"\n',
      referrerHost: 'www.google.com',
      title: null,
      revenue: { amount: '12.50', currency: 'EUR' },
      properties: { plan: 'pro', seats: 5 },
      bot: true,
    });
    expect(JSON.stringify(event)).not.toMatch(/192\.0\.2|token|q=x/);
  });

  it('reads what another release stored, by the names of its columns', () => {
    const line = JSON.stringify(['signup', '1', '2026-03-01 12:00:00.000']);
    expect(liveEventReader(['name', 'visitor_id', 'ts'])(line)).toMatchObject({
      name: 'signup',
      visitorId: '0000000000000001',
      timestamp: '2026-03-01T12:00:00.000Z',
      userId: null,
    });
  });

  it('always fits a message: without properties, and then without its long texts', () => {
    const long = '€'.repeat(2_000);
    const properties = [['note', JSON.stringify('x'.repeat(8_000))]] as const;
    const less = read(aLine({ properties, title: 'T' }));
    expect(less).toMatchObject({ properties: null, truncated: true, title: 'T' });
    const least = read(aLine({ path: `/${long}`, title: long, source: long, name: '€'.repeat(200) }));
    expect(least).toMatchObject({ truncated: true, title: null });
    for (const event of [less, least]) expect(bytesOf(event)).toBeLessThanOrEqual(MOST_EVENT_BYTES);
    expect(pickFields(least, ['name'])).toEqual({ name: least.name, truncated: true });
  });

  it('travels with others in as few messages as hold them, in order', () => {
    const events = Array.from({ length: 50 }, (_, at) => read(aLine({ name: `event ${at} €` })));
    const packed = [...packEvents('me', events, 7_900)];
    for (const payload of packed) expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(7_900);
    expect(packed.length).toBeLessThan(10);
    expect(packed.flatMap((payload) => unpack(payload)!.events)).toEqual(events);
    expect([unpack('{'), unpack('null'), unpack('{"events":[]}')]).toEqual([undefined, undefined, undefined]);
  });
});
