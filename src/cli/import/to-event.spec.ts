// Is the same line the same event, whenever it is sent, and are two lines two events?
import * as fc from 'fast-check';
import { isUuid } from '../../common/ids';
import { validateEvent } from '../../events/event-input';
import { parseLogLine } from './access-log';
import { LineIds, toEvent, uuidOf } from './to-event';

const LINE =
  '203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 512 "https://example.org/x" "Mozilla/5.0"';

const eventOf = (line: string, site?: string) => {
  const entry = parseLogLine(line, 'combined');
  if ('unreadable' in entry) throw new Error(entry.unreadable);
  return toEvent(entry, new LineIds().next(line, entry.time), site === undefined ? {} : { site });
};

describe('the event of a line', () => {
  it('says what the line says', () => {
    expect(eventOf(LINE, 'https://example.com')).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'pageview',
      timestamp: '2015-05-17T10:05:03.000Z',
      visitorId: expect.stringMatching(/^[0-9a-f]{32}$/),
      url: 'https://example.com/a?b=c',
      referrer: 'https://example.org/x',
      properties: { status: 200, method: 'GET', bytes: 512 },
      context: { ip: '203.0.113.9', userAgent: 'Mozilla/5.0' },
    });
  });

  it('is one that the API takes, whatever the user agent and the referrer hold', () => {
    for (const [referrer, agent] of [
      ['-', '-'],
      ['android-app://com.example', 'x'.repeat(5_000)],
      ['http://[broken', '-'],
    ])
      expect(
        validateEvent(eventOf(LINE.replace('https://example.org/x', referrer!).replace('Mozilla/5.0', agent!))),
      ).toEqual({ ok: expect.anything() });
  });

  it('has a path alone for its URL where the site is not told, and keeps a URL that the line has', () => {
    expect(eventOf(LINE).url).toBe('/a?b=c');
    expect(eventOf(LINE.replace('/a?b=c', 'http://other.example/z'), 'https://example.com').url).toBe(
      'http://other.example/z',
    );
  });

  it('belongs to a visitor of its own for each address and each user agent', () => {
    const visitors = [LINE, LINE.replace('203.0.113.9', '203.0.113.8'), LINE.replace('Mozilla/5.0', 'curl/8')].map(
      (line) => eventOf(line).visitorId,
    );
    expect(new Set(visitors).size).toBe(3);
    expect(eventOf(LINE.replace('10:05:03', '23:59:59')).visitorId).toBe(visitors[0]);
    expect(visitors.join(' ')).not.toContain('203.0.113');
  });
});

describe('the ids of lines', () => {
  const ids = (lines: readonly (readonly [line: string, time: number])[]): string[] => {
    const made = new LineIds();
    return lines.map(([line, time]) => made.next(line, time));
  };
  const someLines = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(86_400_000 * 2)), { maxLength: 50 });

  it('are the same each time, and never twice in a file', () =>
    fc.assert(
      fc.property(someLines, (lines) => {
        const timed = lines.map(([line, time]) => [`${line} ${time}`, time] as const);
        expect(ids(timed)).toEqual(ids(timed));
        expect(new Set(ids(timed)).size).toBe(timed.length);
      }),
    ));

  it('tell equal lines of one second apart', () => {
    const [one, other] = ids([
      [LINE, 0],
      [LINE, 0],
    ]);
    expect(one).not.toBe(other);
  });

  it('are UUIDs of version 8', () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isUuid(uuidOf(text))).toBe(true);
        expect(uuidOf(text)).toMatch(/^.{14}8.{4}[89ab]/);
      }),
    ));
});
