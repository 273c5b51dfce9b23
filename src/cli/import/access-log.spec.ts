// Does the parser read what Apache and nginx write, and refuse the rest with a reason?
import * as fc from 'fast-check';
import { type LogEntry, parseLogLine, parseLogTime, unescapeLog } from './access-log';

const read = (line: string, format: 'combined' | 'common' = 'combined'): LogEntry => {
  const entry = parseLogLine(line, format);
  if ('unreadable' in entry) throw new Error(`${entry.unreadable}: ${line}`);
  return entry;
};
const unreadable = (line: string, format: 'combined' | 'common' = 'combined'): boolean =>
  'unreadable' in parseLogLine(line, format);

const AT = '[17/May/2015:10:05:03 +0000]';

describe('a line of an access log', () => {
  it('gives every field of the combined format', () => {
    expect(
      read(`203.0.113.9 - alice ${AT} "GET /a?b=c HTTP/1.1" 200 512 "https://example.org/x" "Mozilla/5.0 (X11)"`),
    ).toEqual({
      host: '203.0.113.9',
      ip: '203.0.113.9',
      time: Date.UTC(2015, 4, 17, 10, 5, 3),
      request: { method: 'GET', target: '/a?b=c' },
      status: 200,
      bytes: 512,
      referrer: 'https://example.org/x',
      userAgent: 'Mozilla/5.0 (X11)',
    });
  });

  it('leaves out what the log leaves out', () => {
    expect(read(`::1 - - ${AT} "GET / HTTP/2.0" 304 - "-" "-"`)).toEqual({
      host: '::1',
      ip: '::1',
      time: Date.UTC(2015, 4, 17, 10, 5, 3),
      request: { method: 'GET', target: '/' },
      status: 304,
    });
  });

  it('reads the common format, and common out of combined lines', () => {
    const common = `203.0.113.9 - - ${AT} "GET /a HTTP/1.0" 200 5`;
    expect(read(common, 'common').request).toEqual({ method: 'GET', target: '/a' });
    expect(read(`${common} "https://example.org/" "Agent"`, 'common').userAgent).toBeUndefined();
    expect(unreadable(common, 'combined')).toBe(true);
  });

  it('takes quotes, backslashes and bytes inside a user agent, as each server escapes them', () => {
    const agent = (text: string) => read(`1.2.3.4 - - ${AT} "GET / HTTP/1.1" 200 1 "-" "${text}"`).userAgent;
    expect(agent(String.raw`a \"b\" \\ c`)).toBe(String.raw`a "b" \ c`);
    expect(agent(String.raw`a \x22b\x22`)).toBe('a "b"');
    expect(agent(String.raw`caf\xc3\xa9 \xE2\x82\xAC`)).toBe('café €');
    expect(agent(String.raw`\xff`)).toBe('\ufffd');
  });

  it('takes names for addresses, users with blanks, and fields after the last', () => {
    const entry = read(
      `host.example - john von neumann ${AT} "GET / HTTP/1.1" 200 1 "-" "Agent" "198.51.100.7, 10.0.0.1" 0.004`,
    );
    expect(entry.host).toBe('host.example');
    expect(entry.ip).toBeUndefined();
    expect(entry.userAgent).toBe('Agent');
    expect(read(`fe80::1%eth0 - - ${AT} "GET / HTTP/1.1" 200 1 "-" "-"`).ip).toBe('fe80::1');
  });

  it('keeps a line whose request is none, without a request', () => {
    for (const request of ['-', '', String.raw`\x16\x03\x01\x02`, 'GET', 'GET nowhere HTTP/1.1', String.raw`quit\n`]) {
      const entry = read(`1.2.3.4 - - ${AT} "${request}" 400 226 "-" "-"`);
      expect([request, entry.request]).toEqual([request, undefined]);
    }
  });

  it('reads requests without a version, with blanks, and with a whole URL', () => {
    const target = (request: string) => read(`1.2.3.4 - - ${AT} "${request}" 200 1 "-" "-"`).request;
    expect(target('GET /old')).toEqual({ method: 'GET', target: '/old' });
    expect(target('get /a b HTTP/1.1')).toEqual({ method: 'GET', target: '/a b' });
    expect(target('GET http://example.org/p HTTP/1.1')).toEqual({ method: 'GET', target: 'http://example.org/p' });
  });

  it('refuses what is no line of the format', () => {
    const cut = `1.2.3.4 - - ${AT} "GET / HTTP/1.1" 200 235 "-" "Mozilla/5.0 (compatible; +http://example.org/bot.html`;
    for (const line of [
      '',
      'hello',
      cut,
      '{"remote_addr":"1.2.3.4"}',
      `1.2.3.4 - - ${AT} "GET / HTTP/1.1" 2000 1 "-" "-"`,
    ])
      expect([line, unreadable(line)]).toEqual([line, true]);
  });

  it('never throws, whatever a line holds', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('combined' as const, 'common' as const), (line, f) => {
        expect(typeof parseLogLine(line, f)).toBe('object');
      }),
    ));

  it('reads back any line that Apache could have written', () => {
    const escape = (text: string): string =>
      Buffer.from(text, 'utf8').reduce((done, byte) => {
        if (byte === 0x22 || byte === 0x5c) return `${done}\\${String.fromCharCode(byte)}`;
        return (
          done + (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)
        );
      }, '');
    // "-" and "" both stand for a header that was not sent.
    const header = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => text !== '' && text !== '-');
    const world = fc.record({
      ip: fc.oneof(fc.ipV4(), fc.ipV6()),
      seconds: fc.integer({ min: 0, max: 4_000_000_000 }),
      offset: fc.integer({ min: -12 * 4, max: 14 * 4 }).map((quarters) => quarters * 15),
      path: fc.webPath().map((path) => `/${path}`),
      status: fc.integer({ min: 100, max: 599 }),
      bytes: fc.nat(),
      referrer: header,
      userAgent: header,
    });
    fc.assert(
      fc.property(world, ({ ip, seconds, offset, path, status, bytes, referrer, userAgent }) => {
        const request = `GET ${path} HTTP/1.1`;
        const line = `${ip} - - [${logTime(seconds * 1000, offset)}] "${escape(request)}" ${status} ${bytes} "${escape(referrer)}" "${escape(userAgent)}"`;
        expect(read(line)).toEqual({
          host: ip,
          ip,
          time: seconds * 1000,
          request: { method: 'GET', target: path },
          status,
          bytes,
          referrer,
          userAgent,
        });
      }),
    );
  });
});

describe('the time of a line', () => {
  it('is moved by its offset', () => {
    expect(parseLogTime('17/May/2015:10:05:03 +0530')).toBe(Date.UTC(2015, 4, 17, 4, 35, 3));
    expect(parseLogTime('01/Jan/2024:00:00:00 -0330')).toBe(Date.UTC(2024, 0, 1, 3, 30, 0));
  });

  it('must exist', () => {
    for (const text of [
      '30/Feb/2024:00:00:00 +0000',
      '00/Jan/2024:00:00:00 +0000',
      '01/Jän/2024:00:00:00 +0000',
      '01/Jan/2024:24:00:00 +0000',
      '2024-01-01T00:00:00Z',
    ])
      expect([text, parseLogTime(text)]).toEqual([text, undefined]);
    expect(parseLogTime('29/Feb/2024:23:59:60 +0000')).toBe(Date.UTC(2024, 2, 1));
  });
});

it('unescapes text without escapes to itself', () =>
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\\')),
      (text) => expect(unescapeLog(text)).toBe(text),
    ),
  ));

/** `17/May/2015:10:05:03 +0200` for a moment. */
function logTime(ms: number, offsetMinutes: number): string {
  const local = new Date(ms + offsetMinutes * 60_000);
  const two = (value: number): string => String(Math.abs(value)).padStart(2, '0');
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[local.getUTCMonth()];
  const clock = local.toISOString().slice(11, 19);
  const sign = offsetMinutes < 0 ? '-' : '+';
  const offset = Math.abs(offsetMinutes);
  return `${two(local.getUTCDate())}/${month}/${local.getUTCFullYear()}:${clock} ${sign}${two(Math.floor(offset / 60))}${two(offset % 60)}`;
}
