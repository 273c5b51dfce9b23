import fc from 'fast-check';
import { Problem } from '../../common/problem';
import { readBatch, readSingle, UnreadEvent } from './body';

const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof Problem) return error.kind.code;
    throw error;
  }
  return 'no problem';
};

const batch = (value: unknown) => Buffer.from(JSON.stringify(value));
/** The same JSON, with blanks that make it long. */
const long = (json: string) => Buffer.from(json + ' '.repeat(300_000));
const events = (count: number) => Array.from({ length: count }, () => ({ name: 'a' }));

describe('the body of a batch', () => {
  it('gives its events in the order sent', async () =>
    expect(await readBatch(batch({ events: [1, 2, 3] }), false)).toEqual({ events: [1, 2, 3], sentAt: undefined }));

  it('reads the sending time as text and as number', async () => {
    const text = await readBatch(batch({ sentAt: '2026-03-01T10:00:00.250+01:00', events: [] }), false);
    expect(text.sentAt).toBe(Date.UTC(2026, 2, 1, 9, 0, 0, 250));
    const number = await readBatch(batch({ sentAt: 1772357400250, events: [] }), false);
    expect(number.sentAt).toBe(1772357400250);
  });

  it.each([
    ['an unknown field', { events: [], evnts: [] }, 'invalid_input'],
    ['no events', {}, 'invalid_input'],
    ['events that are no list', { events: {} }, 'invalid_input'],
    ['a list', [], 'invalid_input'],
    ['a time without an offset', { events: [], sentAt: '2026-03-01T10:00:00' }, 'invalid_input'],
  ])('is refused for %s', async (_what, value, code) => {
    expect(await codeOf(() => readBatch(batch(value), false))).toBe(code);
    expect(await codeOf(() => readBatch(long(JSON.stringify(value)), false))).toBe(code);
  });

  it.each([
    [1_999, 'no problem'],
    [2_000, 'no problem'],
    [2_001, 'too_many_events'],
  ])('with %d events: %s', async (count, code) => {
    expect(await codeOf(() => readBatch(batch({ events: events(count) }), false))).toBe(code);
    expect(await codeOf(() => readBatch(long(JSON.stringify({ events: events(count) })), false))).toBe(code);
    const lines = Buffer.from(
      events(count)
        .map((event) => JSON.stringify(event))
        .join('\n'),
    );
    expect(await codeOf(() => readBatch(lines, true))).toBe(code);
  });

  it('is refused where it is not JSON or not UTF-8', async () => {
    expect(await codeOf(() => readBatch(Buffer.from('{"events":['), false))).toBe('unreadable_body');
    expect(await codeOf(() => readSingle(Buffer.from([0x22, 0xff, 0x22])))).toBe('unreadable_body');
    expect(await codeOf(() => readSingle(Buffer.alloc(0)))).toBe('unreadable_body');
  });
});

describe('lines of NDJSON', () => {
  it('lose only the line that cannot be read', async () => {
    const { events: read } = await readBatch(Buffer.from('{"name":"a"}\r\n\nno json\n{"name":"b"}'), true);
    const fault = { path: '', code: 'unreadable', message: 'must be JSON' };
    expect(read).toEqual([{ name: 'a' }, new UnreadEvent('no json', fault), { name: 'b' }]);
  });

  it('may be blank, and end in any way', async () => {
    const text = '\uFEFF\n \t\r\n{"name":"a"}   \r\n\n{"name":"b"}';
    expect((await readBatch(Buffer.from(text), true)).events).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect((await readBatch(Buffer.alloc(0), true)).events).toEqual([]);
  });

  it.each(['1\n', '{"\n', '"\u00a0\n'])('that are too many are counted before any is read: %j', async (line) => {
    const many = Buffer.from(line.repeat(3_000_000));
    const startedAt = process.cpuUsage();
    expect(await codeOf(() => readBatch(many, true))).toBe('too_many_events');
    const { user } = process.cpuUsage(startedAt);
    // Half a minute where each is read.
    expect(user / 1e6).toBeLessThan(2);
  });

  it('give back whatever was written', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (values) => {
        const text = values.map((value) => JSON.stringify(value)).join('\n');
        expect((await readBatch(Buffer.from(text), true)).events).toEqual(
          values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
        );
      }),
    ));
});

describe('a long body', () => {
  /** What became of it: its events, or the code of the problem. */
  const readOf = async (body: Buffer): Promise<unknown> => {
    try {
      return await readBatch(body, false);
    } catch (error) {
      if (error instanceof Problem) return error.kind.code;
      throw error;
    }
  };
  const text = fc.constantFrom('a', '"', '\\', '[', ']', '{"', '},{', '[0]', 'é😀', '\n', '__proto__');
  const words = fc.array(text, { maxLength: 5 }).map((parts) => parts.join(''));
  const value = fc.jsonValue({ maxDepth: 4 });
  const event = fc.oneof(value, fc.dictionary(words, fc.oneof(value, words)));

  it('is read as a short one is, whatever its events hold', () =>
    fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 8 }), fc.nat({ max: 3 }), async (sent, indent) => {
        const json = JSON.stringify({ sentAt: 1772357400250, events: sent }, undefined, indent);
        expect(await readOf(long(json))).toEqual(await readOf(Buffer.from(json)));
      }),
    ));

  it('is refused as a short one is where it is damaged', () =>
    fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 4 }), fc.nat(), text, async (sent, place, damage) => {
        const json = JSON.stringify({ events: sent });
        const at = place % (json.length + 1);
        const damaged = Buffer.from(json.slice(0, at) + damage + json.slice(at + (place % 2)));
        expect(await readOf(long(damaged.toString()))).toEqual(await readOf(damaged));
      }),
      { numRuns: 500 },
    ));

  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const many = (values: number): string => `[${'1,'.repeat(values - 1)}1]`;
  it.each([
    ['is too deep', deep(65), 'too_deep'],
    ['is deeper than any stack', deep(1_000_000), 'too_deep'],
    ['holds too many values', many(40_001), 'too_large'],
  ])('loses only the event that %s', async (_what, wrong, code) => {
    const right = { name: 'a', properties: { list: [deep(63), 1] } };
    const body = `{"events":[${JSON.stringify(right)},${wrong},"]",7,${JSON.stringify(right)}]}`;
    const { events: read } = await readBatch(long(body), false);
    expect(read).toEqual([right, expect.any(UnreadEvent), ']', 7, right]);
    const { fault, text: kept } = read[1] as UnreadEvent;
    expect([fault.code, kept]).toEqual([code, wrong.slice(0, 32_768)]);
    const lines = await readBatch(long(`{"name":"a"}\n${wrong}`), true);
    expect(lines.events).toEqual([{ name: 'a' }, read[1]]);
    expect(readSingle(long(wrong)).events).toEqual([expect.objectContaining({ fault })]);
  });

  it('lets others have their turn, and none of them waits for long', async () => {
    const wide = `{${Array.from({ length: 400 }, (_, at) => `"k${at}":1`).join()}}`;
    const body = Buffer.from(`{"events":[${Array.from({ length: 1_900 }, () => wide).join()}]}`);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    expect((await readBatch(body, false)).events).toHaveLength(1_900);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it.each([
    ['lists in each other', '['.repeat(5_000_000) + ']'.repeat(5_000_000), 'invalid_input'],
    ['lists that do not end', '['.repeat(10_000_000), 'unreadable_body'],
    ['lists in an event', `{"events":[[${'[],'.repeat(3_000_000)}1]]}`, undefined],
    ['empty events', `{"events":[${'{},'.repeat(3_000_000)}1]}`, 'too_many_events'],
    ['fields', `{${Array.from({ length: 900_000 }, (_, at) => `"k${at}":1`).join()}}`, 'invalid_input'],
    ['events without commas', `{"events":[${'{}'.repeat(3_000_000)}]}`, 'unreadable_body'],
  ])('of ten megabytes of %s takes no time', async (_what, json, code) => {
    const body = Buffer.from(json);
    const startedAt = process.cpuUsage();
    const read = await readOf(body);
    const { user } = process.cpuUsage(startedAt);
    if (code !== undefined) expect(read).toBe(code);
    else expect(read).toMatchObject({ events: [{ fault: { code: 'too_large' } }] });
    // Where it is parsed: 550 to 2,400 ms.
    expect(user / 1_000).toBeLessThan(400);
  });
});
