import fc from 'fast-check';
import { Problem } from '../../common/problem';
import { readBatch, readSingle, UnreadableLine } from './body';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error.kind.code;
    throw error;
  }
  return 'no problem';
};

const batch = (value: unknown) => Buffer.from(JSON.stringify(value));
const events = (count: number) => Array.from({ length: count }, () => ({ name: 'a' }));

describe('the body of a batch', () => {
  it('gives its events in the order sent', () =>
    expect(readBatch(batch({ events: [1, 2, 3] }), false)).toEqual({ events: [1, 2, 3], sentAt: undefined }));

  it('reads the sending time as text and as number', () => {
    expect(readBatch(batch({ sentAt: '2026-03-01T10:00:00.250+01:00', events: [] }), false).sentAt).toBe(
      Date.UTC(2026, 2, 1, 9, 0, 0, 250),
    );
    expect(readBatch(batch({ sentAt: 1772357400250, events: [] }), false).sentAt).toBe(1772357400250);
  });

  it.each([
    ['an unknown field', { events: [], evnts: [] }, 'invalid_input'],
    ['no events', {}, 'invalid_input'],
    ['events that are no list', { events: {} }, 'invalid_input'],
    ['a list', [], 'invalid_input'],
    ['a time without an offset', { events: [], sentAt: '2026-03-01T10:00:00' }, 'invalid_input'],
  ])('is refused for %s', (_what, value, code) => expect(codeOf(() => readBatch(batch(value), false))).toBe(code));

  it.each([
    [1_999, 'no problem'],
    [2_000, 'no problem'],
    [2_001, 'too_many_events'],
  ])('with %d events: %s', (count, code) => {
    expect(codeOf(() => readBatch(batch({ events: events(count) }), false))).toBe(code);
    const lines = Buffer.from(
      events(count)
        .map((event) => JSON.stringify(event))
        .join('\n'),
    );
    expect(codeOf(() => readBatch(lines, true))).toBe(code);
  });

  it('is refused where it is not JSON or not UTF-8', () => {
    expect(codeOf(() => readBatch(Buffer.from('{"events":['), false))).toBe('unreadable_body');
    expect(codeOf(() => readSingle(Buffer.from([0x22, 0xff, 0x22])))).toBe('unreadable_body');
    expect(codeOf(() => readSingle(Buffer.alloc(0)))).toBe('unreadable_body');
  });
});

describe('lines of NDJSON', () => {
  it('lose only the line that cannot be read', () => {
    const { events: read } = readBatch(Buffer.from('{"name":"a"}\r\n\nno json\n{"name":"b"}'), true);
    expect(read).toEqual([{ name: 'a' }, new UnreadableLine('no json'), { name: 'b' }]);
  });

  it('may be blank, and end in any way', () => {
    const text = '\uFEFF\n \t\r\n{"name":"a"}   \r\n\n{"name":"b"}';
    expect(readBatch(Buffer.from(text), true).events).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(readBatch(Buffer.alloc(0), true).events).toEqual([]);
  });

  it.each(['1\n', '{"\n', '"\u00a0\n'])('that are too many are counted before any is read: %j', (line) => {
    const many = Buffer.from(line.repeat(3_000_000));
    const startedAt = process.cpuUsage();
    expect(codeOf(() => readBatch(many, true))).toBe('too_many_events');
    const { user } = process.cpuUsage(startedAt);
    // Half a minute where each is read.
    expect(user / 1e6).toBeLessThan(2);
  });

  it('give back whatever was written', () =>
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), (values) => {
        const text = values.map((value) => JSON.stringify(value)).join('\n');
        expect(readBatch(Buffer.from(text), true).events).toEqual(
          values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
        );
      }),
    ));
});
