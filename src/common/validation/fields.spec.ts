// Does each field take what it says, at its limits, and nothing beside?
import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import {
  BoolField,
  DateField,
  EnumField,
  InstantField,
  IntField,
  ListField,
  NumberField,
  ObjectField,
  QueryBoolField,
  QueryIntField,
  QueryListField,
  TextField,
  TimeZoneField,
  UrlField,
  UuidField,
} from './fields';
import { isAddressBlock, isCountry, isHostName, isWebOrigin } from './texts';

const OPTIONS = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true };

/** What becomes of `{ value }` under a field: the codes of what is wrong, or the value as the service sees it. */
function under(decorator: PropertyDecorator): (input: object) => unknown {
  class Dto {
    value: unknown;
  }
  Reflect.decorate([decorator], Dto.prototype, 'value');
  return (input) => {
    const dto = plainToInstance(Dto, input);
    const errors = validateSync(dto, OPTIONS);
    const codes = errors.flatMap((error) => [
      ...Object.keys(error.constraints ?? {}),
      ...(error.children ?? []).flatMap((child) => [
        `${child.property}:${Object.keys(child.constraints ?? {}).join()}`,
      ]),
    ]);
    return codes.length > 0 ? codes.join() : dto.value;
  };
}

/** The same for one value. */
const taking =
  (decorator: PropertyDecorator) =>
  (value: unknown): unknown =>
    under(decorator)({ value });

describe('presence', () => {
  it('asks for a field unless it is optional, and tells null from left out', () => {
    const cases = [
      under(TextField({ max: 5 })),
      under(TextField({ max: 5, optional: true })),
      under(TextField({ max: 5, nullable: true })),
      under(TextField({ max: 5, optional: true, nullable: true })),
    ].map((check) => [check({}), check({ value: null })]);
    expect(cases).toEqual([
      ['required', 'required'],
      [undefined, 'required'],
      ['required', null],
      [undefined, null],
    ]);
  });

  it('refuses a field that nobody named', () => {
    expect(under(TextField({ max: 5 }))({ value: 'a', other: 1 })).toBe('whitelistValidation');
  });
});

describe('TextField', () => {
  const check = taking(TextField({ min: 2, max: 4 }));
  it.each([
    ['a', 'too_short'],
    ['ab', 'ab'],
    ['abcd', 'abcd'],
    ['abcde', 'too_long'],
    ['😀😀😀😀', '😀😀😀😀'],
    ['😀😀😀😀😀', 'too_long'],
    ['a\0b', 'invalid_characters'],
    ['a\ud800b', 'invalid_characters'],
    [12, 'not_a_text'],
    [true, 'not_a_text'],
    [['ab'], 'not_a_text'],
    [{}, 'not_a_text'],
  ])('%j -> %j', (value, expected) => expect(check(value)).toEqual(expected));

  it('trims before it counts, where it trims', () => {
    const trimming = taking(TextField({ max: 3, trim: true }));
    expect(['  abc ', '   ', ' abcd'].map(trimming)).toEqual(['abc', 'too_short', 'too_long']);
  });

  it('takes any well-formed text of the right length and no other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (value) => {
        const length = [...value].length;
        const fine = length >= 2 && length <= 4 && !value.includes('\0');
        expect(check(value) === value).toBe(fine);
      }),
    );
  });
});

describe('numbers', () => {
  const body = taking(IntField({ min: -1, max: 10 }));
  const query = taking(QueryIntField({ min: -1, max: 10 }));
  it.each([
    [-2, 'out_of_range'],
    [-1, -1],
    [10, 10],
    [11, 'out_of_range'],
    [1.5, 'not_an_integer'],
    ['1', 'not_an_integer'],
    [true, 'not_an_integer'],
    [1e20, 'not_an_integer'],
    [[1], 'not_an_integer'],
  ])('a body: %j -> %j', (value, expected) => expect(body(value)).toEqual(expected));
  it.each([
    ['-2', 'out_of_range'],
    ['-1', -1],
    ['10', 10],
    ['11', 'out_of_range'],
    ['', 'not_an_integer'],
    ['1.0', 'not_an_integer'],
    ['1e1', 'not_an_integer'],
    [' 1', 'not_an_integer'],
    ['0x1', 'not_an_integer'],
    [['1', '1'], 'not_an_integer'],
  ])('a query: %j -> %j', (value, expected) => expect(query(value)).toEqual(expected));
  it('takes finite numbers', () => {
    const check = taking(NumberField({ min: 0, max: 1 }));
    expect([0, 0.5, 1, 1.01, -0.01, Number.NaN, Infinity, '1'].map(check)).toEqual([
      0,
      0.5,
      1,
      'out_of_range',
      'out_of_range',
      'not_a_number',
      'not_a_number',
      'not_a_number',
    ]);
  });
});

describe('the other fields', () => {
  it('takes booleans as they are written in a body and in a query', () => {
    expect([true, false, 'true', 1].map(taking(BoolField()))).toEqual([true, false, 'not_a_boolean', 'not_a_boolean']);
    expect(['true', 'false', '1', 'TRUE', ['true', 'true']].map(taking(QueryBoolField()))).toEqual([
      true,
      false,
      'not_a_boolean',
      'not_a_boolean',
      'not_a_boolean',
    ]);
  });

  it('takes UUIDs in either case', () => {
    const id = '0198F2A4-7C1E-7A3B-9C55-2F6F0B1D9E10';
    expect([id, id.slice(1), `{${id}}`, 7].map(taking(UuidField()))).toEqual([
      id.toLowerCase(),
      'invalid_uuid',
      'invalid_uuid',
      'not_a_text',
    ]);
  });

  it('takes one of a set', () => {
    expect(['drop', 'Drop', 1].map(taking(EnumField(['drop', 'keep'])))).toEqual(['drop', 'not_allowed', 'not_a_text']);
  });

  it('takes moments with an offset that the calendar has', () => {
    const values = [
      '2026-01-31T09:30:00.123+01:00',
      '2028-02-29T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-01-31T24:00:00Z',
      '2026-01-31T09:30:00',
      '2026-01-31',
      1_769_848_200_000,
      '',
    ];
    expect(values.map(taking(InstantField()))).toEqual([
      new Date('2026-01-31T08:30:00.123Z'),
      new Date('2028-02-29T00:00:00Z'),
      ...Array.from({ length: 6 }, () => 'invalid_time'),
    ]);
  });

  it('takes days that the calendar has', () => {
    expect(['2026-02-28', '2026-02-29', '0000-01-01', '2026-2-1'].map(taking(DateField()))).toEqual([
      '2026-02-28',
      ...Array.from({ length: 3 }, () => 'invalid_date'),
    ]);
  });

  it('takes time zones by name, never an offset, never nothing', () => {
    const names = ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', '+02:00', 'Mars/Olympus', '', 'Europe/Berlin '];
    expect(names.map(taking(TimeZoneField()))).toEqual([
      'UTC',
      'Europe/Berlin',
      'Asia/Kathmandu',
      ...Array.from({ length: 4 }, () => 'invalid_time_zone'),
    ]);
  });

  it('takes web URLs up to a length', () => {
    const check = taking(UrlField({ max: 30 }));
    expect(
      ['https://a.b/c?d', 'ftp://a.b', '/c', `https://a.b/${'c'.repeat(18)}`, `https://a.b/${'c'.repeat(19)}`].map(
        check,
      ),
    ).toEqual(['https://a.b/c?d', 'invalid_url', 'invalid_url', `https://a.b/${'c'.repeat(18)}`, 'too_long']);
  });

  it('takes lists, none of whose items comes twice', () => {
    const rules = { min: 1, max: 2, item: (one: string) => one.length === 1, itemIs: 'letters' };
    const check = taking(ListField(rules));
    expect([['a'], ['a', 'b'], [], ['a', 'b', 'c'], ['ab'], ['a', 'a'], [1], 'a'].map(check)).toEqual([
      ['a'],
      ['a', 'b'],
      'too_few_items',
      'too_many_items',
      'invalid_item',
      'repeated_item',
      'invalid_item',
      'not_a_list',
    ]);
    expect(['a', 'a,b', '', 'a,', ['a', 'b'], 'a,a'].map(taking(QueryListField(rules)))).toEqual([
      ['a'],
      ['a', 'b'],
      'invalid_item',
      'invalid_item',
      'invalid_item',
      'repeated_item',
    ]);
  });

  it('looks into objects, and takes nothing else for one', () => {
    class Inner {
      @IntField({ min: 1, max: 2 })
      size!: number;
    }
    const check = taking(ObjectField(() => Inner));
    const found = [{ size: 1 }, { size: 3 }, { size: 1, more: 1 }, 'text', [], [{ size: 1 }], 5].map(check);
    expect(found[0]).toEqual({ size: 1 });
    expect(found.slice(1, 3)).toEqual(['size:out_of_range', 'more:whitelistValidation']);
    for (const refused of found.slice(3)) expect(refused).toContain('not_an_object');
  });
});

describe('texts of the network', () => {
  it('tells addresses and blocks from the rest', () => {
    const fine = ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '2001:db8::/128', '::ffff:10.0.0.1'];
    const wrong = [
      '10.0.0',
      '10.0.0.0/33',
      '::/129',
      'fe80::1%eth0',
      '10.0.0.1/',
      '10.0.0.1/8/8',
      '10.0.0.1/-1',
      'a',
      '',
    ];
    expect([fine.filter((one) => !isAddressBlock(one)), wrong.filter(isAddressBlock)]).toEqual([[], []]);
  });

  it('tells origins from URLs', () => {
    const fine = ['https://a.b', 'http://localhost:3000', 'https://[::1]:8443'];
    const wrong = ['https://a.b/', 'https://A.b', 'https://a.b:443', 'a.b', 'null', '*', 'https://*.a.b/', 'ftp://a.b'];
    expect([fine.filter((one) => !isWebOrigin(one)), wrong.filter(isWebOrigin)]).toEqual([[], []]);
  });

  it('tells host names', () => {
    const fine = ['a', 'localhost', 'a-b.example', 'xn--bcher-kva.example'];
    const wrong = ['', 'a..b', '-a.b', 'a-.b', 'A.b', 'a b', 'a/b', `${'a'.repeat(64)}.b`, 'https://a.b'];
    expect([fine.filter((one) => !isHostName(one)), wrong.filter(isHostName)]).toEqual([[], []]);
  });

  it('tells countries', () => {
    expect(['DE', 'US', 'XK', 'de', 'ZZ', 'UK', ''].map(isCountry)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
