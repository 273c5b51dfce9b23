// Does the check of an event keep exactly the rules that the documentation shows?
import Ajv from 'ajv/dist/2020';
import * as fc from 'fast-check';
import { eventBatchSchema, eventSchema, validateBatch, validateEvent } from './event-input';
import { fieldCodes } from './pipeline/compile-schema';

const with_ = (own: Record<string, unknown>): Record<string, unknown> => ({ name: 'pageview', ...own });

/** The faults of an event as `path: code`. */
const faults = (value: unknown): string[] =>
  (validateEvent(value).errors ?? []).map(({ path, code }) => `${path}: ${code}`);

const ok: string[] = [];

describe('validateEvent', () => {
  it('gives back the very event, with every field of the contract', () => {
    const event = {
      id: '0195526C-5B7A-7C3E-9D0A-2F6B1F0C9A11',
      name: 'purchase',
      timestamp: '2026-03-01T09:30:00.250+01:00',
      visitorId: 'v',
      userId: 'u',
      sessionId: 's',
      url: 'https://shop.example/a?b=c#d',
      referrer: 'https://www.google.com/',
      title: 'A',
      properties: { text: 'x', number: 1.5, flag: true, none: null, list: [1, { deep: 'yes' }] },
      revenue: { amount: '19.99', currency: 'EUR' },
      context: {
        ip: '2001:db8::1',
        userAgent: 'x',
        locale: 'en-GB',
        timezone: 'Asia/Calcutta',
        screen: { width: 0, height: 100_000 },
      },
    };
    expect(validateEvent(event).ok).toBe(event);
  });

  it.each([null, 7, 'text', true, [], [{ name: 'x' }]])('refuses %j as a whole', (value) => {
    expect(faults(value)).toEqual([': wrong_type']);
  });

  it.each([
    ['name', 200],
    ['visitorId', 200],
    ['userId', 200],
    ['sessionId', 200],
    ['referrer', 2_048],
    ['title', 512],
  ])('takes %s of up to %i characters, an emoji counted as one', (field, max) => {
    for (const character of ['x', '😀']) {
      expect(faults(with_({ [field]: character.repeat(max - 1) }))).toEqual(ok);
      expect(faults(with_({ [field]: character.repeat(max) }))).toEqual(ok);
      expect(faults(with_({ [field]: character.repeat(max + 1) }))).toEqual([`${field}: too_long`]);
    }
  });

  it.each(['name', 'visitorId', 'userId', 'sessionId'])('refuses an empty %s', (field) => {
    expect(faults(with_({ [field]: '' }))).toEqual([`${field}: too_short`]);
  });

  it.each(['', '2026', '{not-a-uuid}', '0195526c5b7a7c3e9d0a2f6b1f0c9a11'])('refuses %j as an id', (id) => {
    expect(faults(with_({ id }))).toEqual(['id: invalid_format']);
  });

  it.each([
    '2026-03-01T09:30:00Z',
    '2026-03-01T09:30Z',
    '2026-03-01 09:30:00+00:00',
    '2026-03-01T09:30:00.123456789-0330',
    '2024-02-29T23:59:59.999Z',
    '1971-01-01T00:00:00.000Z',
    '2261-12-31T23:59:59.999Z',
    31_536_000_000,
    1_772_357_400_250,
  ])('takes %j as a time', (timestamp) => {
    expect(faults(with_({ timestamp }))).toEqual(ok);
  });

  it.each([
    ['2026-02-30T00:00:00.000Z', 'invalid_format'],
    ['2023-02-29T00:00:00Z', 'invalid_format'],
    ['2026-04-31T00:00:00+02:00', 'invalid_format'],
    ['2026-03-01T24:61:00Z', 'invalid_format'],
    ['2026-03-01T24:00:00.000Z', 'invalid_format'],
    ['2026-13-01T00:00:00Z', 'invalid_format'],
    ['2026-03-01T09:30:00', 'invalid_format'],
    ['2026-03-01', 'invalid_format'],
    ['1772357400250', 'invalid_format'],
    ['yesterday', 'invalid_format'],
    ['1970-12-31T23:59:59.999Z', 'out_of_range'],
    ['2262-01-01T00:00:00.000Z', 'out_of_range'],
    ['1800-01-01T00:00:00Z', 'out_of_range'],
    [1_700_000_000, 'out_of_range'],
    [31_535_999_999, 'out_of_range'],
    [9_214_646_400_000, 'out_of_range'],
    [-1, 'out_of_range'],
    [Number.POSITIVE_INFINITY, 'out_of_range'],
    [1_772_357_400_250.5, 'wrong_type'],
    [null, 'wrong_type'],
  ])('refuses %j as a time: %s', (timestamp, code) => {
    expect(faults(with_({ timestamp }))).toEqual([`timestamp: ${code}`]);
  });

  it('hints at milliseconds where seconds were sent', () => {
    expect(validateEvent(with_({ timestamp: 1_700_000_000 })).errors?.[0]?.message).toContain('seconds');
  });

  it.each([
    'https://a.example',
    'http://localhost:3000/x',
    'app://com.shop/home',
    '/',
    '/a b?c#d',
    '//twice',
    'https://bücher.example/ü',
  ])('takes %j as a url', (url) => {
    expect(faults(with_({ url }))).toEqual(ok);
  });

  it.each([
    '',
    'shop.example/x',
    'localhost:3000/x',
    'https://',
    'https:///',
    'http://a b/',
    'about:blank',
    'javascript:alert(1)',
  ])('refuses %j as a url', (url) => {
    expect(faults(with_({ url }))).toEqual(['url: invalid_format']);
  });

  it('takes a url of up to 2,048 characters', () => {
    const url = (length: number): string => `https://a.example/${'x'.repeat(length - 18)}`;
    expect(faults(with_({ url: url(2_048) }))).toEqual(ok);
    expect(faults(with_({ url: url(2_049) }))).toEqual(['url: too_long']);
  });

  it('takes no other fields, at any level', () => {
    const event = with_({
      colour: 1,
      revenue: { amount: 1, currency: 'EUR', tax: 1 },
      context: { os: 'x', screen: { width: 1, height: 1, depth: 1 } },
    });
    expect(faults(event)).toEqual([
      'colour: unknown_field',
      'revenue.tax: unknown_field',
      'context.os: unknown_field',
      'context.screen.depth: unknown_field',
    ]);
  });

  it('says what is missing', () => {
    expect(faults({})).toEqual(['name: required']);
    expect(faults(with_({ revenue: {}, context: { screen: { width: 1 } } }))).toEqual([
      'revenue.amount: required',
      'revenue.currency: required',
      'context.screen.height: required',
    ]);
  });

  it.each([
    '0',
    '-5',
    '19.99',
    '99999999999999.9999',
    '-99999999999999.9999',
    19.99,
    -5,
    0.1 + 0.2,
    99_999_999_999_999,
    -0,
  ])('takes %j as an amount', (amount) => {
    expect(faults(with_({ revenue: { amount, currency: 'USD' } }))).toEqual(ok);
  });

  it.each([
    ['', 'invalid_format'],
    ['1,5', 'invalid_format'],
    ['1e3', 'invalid_format'],
    ['+1', 'invalid_format'],
    ['NaN', 'invalid_format'],
    ['1.00000', 'out_of_range'],
    ['100000000000000', 'out_of_range'],
    [1e14, 'out_of_range'],
    [0.00001, 'out_of_range'],
    [Number.POSITIVE_INFINITY, 'out_of_range'],
    [true, 'wrong_type'],
  ])('refuses %j as an amount: %s', (amount, code) => {
    expect(faults(with_({ revenue: { amount, currency: 'USD' } }))).toEqual([`revenue.amount: ${code}`]);
  });

  it.each([
    ['eur', 'invalid_format'],
    ['ZZZ', 'invalid_format'],
    ['EURO', 'too_long'],
  ])('refuses %j as a currency: %s', (currency, code) => {
    expect(faults(with_({ revenue: { amount: 1, currency } }))).toEqual([`revenue.currency: ${code}`]);
  });

  it.each([
    [{ ip: '1.2.3' }, 'context.ip: invalid_format'],
    [{ ip: 'fe80::1%eth0' }, 'context.ip: invalid_format'],
    [{ timezone: 'Mars/Olympus' }, 'context.timezone: invalid_format'],
    [{ timezone: '+02:00' }, 'context.timezone: invalid_format'],
    [{ locale: 'english language' }, 'context.locale: invalid_format'],
    [{ userAgent: 'x'.repeat(1_025) }, 'context.userAgent: too_long'],
    [{ screen: { width: 1.5, height: 1 } }, 'context.screen.width: wrong_type'],
    [{ screen: { width: -1, height: 1 } }, 'context.screen.width: out_of_range'],
    [{ screen: { width: 1, height: 100_001 } }, 'context.screen.height: out_of_range'],
  ])('refuses the context %j', (context, fault) => {
    expect(faults(with_({ context }))).toEqual([fault]);
  });

  it('takes up to 255 properties', () => {
    const properties = (count: number): object =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
    expect(faults(with_({ properties: properties(255) }))).toEqual(ok);
    expect(faults(with_({ properties: properties(256) }))).toEqual(['properties: too_many_keys']);
  });

  it.each([
    ['plain text', 'x'],
    ['text of three bytes a character', '€'],
    ['text that is escaped', '\u0001'],
  ])('takes properties of up to 8 KB as JSON: %s', (_kind, character) => {
    const sized = (bytes: number): object => {
      const each = Buffer.byteLength(JSON.stringify(character)) - 2;
      const room = bytes - Buffer.byteLength(JSON.stringify({ k: '' }));
      return { k: character.repeat(Math.floor(room / each)) + 'y'.repeat(room % each) };
    };
    expect(Buffer.byteLength(JSON.stringify(sized(8_192)))).toBe(8_192);
    expect(faults(with_({ properties: sized(8_191) }))).toEqual(ok);
    expect(faults(with_({ properties: sized(8_192) }))).toEqual(ok);
    expect(faults(with_({ properties: sized(8_193) }))).toEqual(['properties: too_large']);
  });

  it('takes properties of up to three levels', () => {
    expect(faults(with_({ properties: { a: { b: { c: 1 } }, l: [[1]] } }))).toEqual(ok);
    expect(faults(with_({ properties: { a: { b: { c: {} } } } }))).toEqual(['properties.a.b.c: too_deep']);
    expect(faults(with_({ properties: { l: [0, [[1]]] } }))).toEqual(['properties.l.1.0: too_deep']);
  });

  it('refuses what no column can hold, wherever it stands', () => {
    expect(faults(with_({ name: 'a\0b' }))).toEqual(['name: invalid_characters']);
    expect(faults(with_({ title: '\ud83d' }))).toEqual(['title: invalid_characters']);
    expect(faults(with_({ properties: { a: 'x\0', 'b\udc00': 1, c: ['\ud800x'] } }))).toEqual([
      'properties.a: invalid_characters',
      'properties.b\ufffd: invalid_characters',
      'properties.c.0: invalid_characters',
    ]);
    expect(faults(JSON.parse('{"name":"x","properties":{"n":1e400}}'))).toEqual(['properties.n: out_of_range']);
  });

  it('treats keys with a meaning in JavaScript as any other key', () => {
    const value: unknown = JSON.parse(
      '{"name":"x","__proto__":{"polluted":1},"constructor":1,"properties":{"__proto__":{"polluted":1},"constructor":"c"}}',
    );
    expect(faults(value)).toEqual(['__proto__: unknown_field', 'constructor: unknown_field']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('refuses an event of more than 32 KB even where each field keeps its limit', () => {
    const wide = { url: `/${'😀'.repeat(2_047)}`, referrer: '😀'.repeat(2_048), title: '😀'.repeat(512) };
    const texts = { visitorId: '😀'.repeat(200), userId: '😀'.repeat(200), sessionId: '😀'.repeat(200) };
    const event = { ...with_(wide), ...texts, properties: { k: 'x'.repeat(8_000) } };
    expect(faults(event)).toEqual(ok);
    expect(faults({ ...event, context: { userAgent: '😀'.repeat(1_024) } })).toEqual([': too_large']);
  });

  it('names at most twenty faults, however many there are', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, index]));
    expect(faults(many)).toHaveLength(20);
  });

  it('answers for anything that JSON can hold, with known codes and without changing it', () =>
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), likelyEvent()), (value) => {
        const before = JSON.stringify(value);
        const checked = validateEvent(value);
        expect(JSON.stringify(value)).toBe(before);
        if (checked.errors === undefined) expect(checked.ok).toBe(value);
        else {
          expect(checked.errors.length).toBeGreaterThan(0);
          for (const { code } of checked.errors) expect(Object.keys(fieldCodes)).toContain(code);
        }
      }),
    ));

  it('accepts nothing that its own documentation forbids', () => {
    // The published schema, as any validator of JSON Schema reads it; formats and sizes are ours alone.
    const ajv = new Ajv({ validateFormats: false, strict: false, allErrors: false });
    const published = ajv.compile(eventSchema);
    const ours = new Set(['invalid_format', 'invalid_characters', 'too_large', 'too_deep', 'out_of_range']);
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), likelyEvent()), (value) => {
        const { errors } = validateEvent(value);
        if (errors === undefined) expect(published(value)).toBe(true);
        else if (errors.some(({ code }) => !ours.has(code))) expect(published(value)).toBe(false);
      }),
    );
  });
});

/** Objects with the right names and often the right values, so that more than the first rule is reached. */
function likelyEvent(): fc.Arbitrary<unknown> {
  const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary: right, weight: 8 }, { arbitrary: fc.jsonValue(), weight: 1 });
  return fc.record(
    {
      id: mostly(fc.uuid()),
      name: mostly(fc.string({ minLength: 1, maxLength: 220, unit: 'binary' })),
      timestamp: mostly(
        fc.oneof(
          fc.integer(),
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        ),
      ),
      visitorId: mostly(fc.string({ unit: 'grapheme' })),
      url: mostly(fc.webUrl({ withQueryParameters: true, withFragments: true })),
      title: mostly(fc.string({ unit: 'binary' })),
      properties: mostly(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))),
      revenue: mostly(fc.record({ amount: mostly(fc.float()), currency: mostly(fc.constantFrom('EUR', 'JPY')) })),
      context: mostly(
        fc.record({ ip: mostly(fc.oneof(fc.ipV4(), fc.ipV6())), screen: fc.jsonValue() }, { requiredKeys: [] }),
      ),
    },
    { requiredKeys: [] },
  );
}

describe('validateBatch', () => {
  const batchFaults = (value: unknown): string[] =>
    (validateBatch(value).errors ?? []).map(({ path, code }) => `${path}: ${code}`);

  it('checks the envelope and leaves the events to be checked one by one', () => {
    expect(batchFaults({ sentAt: 1_772_357_400_250, events: [{}, null, 7] })).toEqual([]);
    expect(batchFaults({ events: [] })).toEqual([]);
  });

  it('takes up to 2,000 events', () => {
    expect(batchFaults({ events: Array.from({ length: 2_000 }, () => ({})) })).toEqual([]);
    expect(batchFaults({ events: Array.from({ length: 2_001 }, () => ({})) })).toEqual(['events: too_long']);
    expect(eventBatchSchema.properties.events.maxItems).toBe(2_000);
  });

  it('refuses what is no batch', () => {
    expect(batchFaults({})).toEqual(['events: required']);
    expect(batchFaults({ events: {} })).toEqual(['events: wrong_type']);
    expect(batchFaults({ events: [], sentAt: 'now', extra: 1 })).toEqual([
      'sentAt: invalid_format',
      'extra: unknown_field',
    ]);
    expect(batchFaults([])).toEqual([': wrong_type']);
  });
});
