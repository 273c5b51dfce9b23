// Which rules can a field of a DTO have? One decorator says the check, the conversion and the documentation.
// Nothing is converted by guessing: in a body a number is a number; only the `Query…` fields read one from a text.
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';
import { isUuid } from '../ids';
import { field, type FieldOptions, type Rule } from './rules';
import { isDate, isStorable, isTimeZone, isWebUrl, lengthOf, parseInstant } from './texts';

const isText = (value: unknown): value is string => typeof value === 'string';
const text: Rule = { code: 'not_a_text', test: isText, message: 'must be a text' };
const storable: Rule = {
  code: 'invalid_characters',
  test: (value) => isText(value) && isStorable(value),
  message: 'must not hold NUL or half of a surrogate pair',
};
const longer = (min: number): Rule => ({
  code: 'too_short',
  test: (value) => isText(value) && lengthOf(value) >= min,
  message: min === 1 ? 'must not be empty' : `must have at least ${min} characters`,
});
const shorter = (max: number): Rule => ({
  code: 'too_long',
  test: (value) => isText(value) && (value.length <= max || (value.length <= 2 * max && lengthOf(value) <= max)),
  message: `must have at most ${max} characters`,
});
/** A rule for texts that a predicate recognises. */
const form = (code: string, test: (value: string) => boolean, message: string): Rule => ({
  code,
  test: (value) => isText(value) && test(value),
  message,
});
const between = (min: number, max: number): Rule => ({
  code: 'out_of_range',
  test: (value) => typeof value === 'number' && value >= min && value <= max,
  message: `must be ${min}..${max}`,
});
const integer: Rule = {
  code: 'not_an_integer',
  test: (value) => Number.isSafeInteger(value),
  message: 'must be a whole number',
};
const trimmed = (trim: boolean | undefined): PropertyDecorator[] =>
  trim === true ? [Transform(({ value }: { value: unknown }) => (isText(value) ? value.trim() : value))] : [];

/** Reads the text of a query parameter. One given twice arrives as a list: it becomes what no rule takes. */
const fromQuery = (read: (value: string) => unknown): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (isText(value) ? read(value) : value === undefined ? value : [value]));

/** A text of `min` (default 1) to `max` characters; `trim` drops white space around it first; `pattern` is what it must match. */
export const TextField = (
  options: FieldOptions & { min?: number; max: number; trim?: boolean; pattern?: RegExp },
): PropertyDecorator => {
  const { min = 1, max, trim, pattern } = options;
  const matching =
    pattern === undefined ? [] : [form('invalid_form', (value) => pattern.test(value), `must match ${pattern.source}`)];
  return applyDecorators(
    ...trimmed(trim),
    field(
      [text, storable, longer(min), shorter(max), ...matching],
      { type: 'string', minLength: min, maxLength: max, ...(pattern === undefined ? {} : { pattern: pattern.source }) },
      options,
    ),
  );
};

/** A UUID of any version; becomes lower case. */
export const UuidField = (options: FieldOptions = {}): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) => (isText(value) ? value.toLowerCase() : value)),
    field([text, form('invalid_uuid', isUuid, 'must be a UUID')], { type: 'string', format: 'uuid' }, options),
  );

interface IntOptions extends FieldOptions {
  min: number;
  max: number;
}

/** A whole number of a body: a JSON number, never a text. */
export const IntField = (options: IntOptions): PropertyDecorator =>
  field(
    [integer, between(options.min, options.max)],
    { type: 'integer', minimum: options.min, maximum: options.max },
    options,
  );

/** A whole number of a query string: digits, with a minus sign where `min` allows it. */
export const QueryIntField = (options: IntOptions): PropertyDecorator =>
  applyDecorators(
    fromQuery((value) => (/^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN)),
    IntField(options),
  );

/** How long a page of a list is at most; `of` says in the plural what is listed. */
export const LimitField = (of: string): PropertyDecorator =>
  QueryIntField({ min: 1, max: 1_000, optional: true, default: 50, description: `Most ${of} in the answer` });

/** Where a page of a list begins; `max` is the length of the longest cursor that the list makes. */
export const CursorField = (max = 500): PropertyDecorator =>
  TextField({ max, optional: true, description: '`page.next` of the answer before' });

/** The end of a page of a list. */
export const PageField = (): PropertyDecorator =>
  ApiProperty({
    type: 'object',
    properties: { next: { type: 'string', nullable: true } },
    required: ['next'],
    additionalProperties: false,
  });

/** A finite number of a body. */
export const NumberField = (options: IntOptions): PropertyDecorator =>
  field(
    [
      { code: 'not_a_number', test: (value) => Number.isFinite(value), message: 'must be a number' },
      between(options.min, options.max),
    ],
    { type: 'number', minimum: options.min, maximum: options.max },
    options,
  );

/** `true` or `false` of a body. */
export const BoolField = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    [{ code: 'not_a_boolean', test: (value) => typeof value === 'boolean', message: 'must be true or false' }],
    { type: 'boolean' },
    options,
  );

/** `true` or `false` of a query string, exactly so written. */
export const QueryBoolField = (options: FieldOptions = {}): PropertyDecorator =>
  applyDecorators(
    fromQuery((value) => (value === 'true' ? true : value === 'false' ? false : value)),
    BoolField(options),
  );

const oneOf = (values: readonly string[]): Rule =>
  form('not_allowed', (value) => values.includes(value), `must be one of ${values.join(', ')}`);

/** One of a closed set of texts. */
export const EnumField = (values: readonly string[], options: FieldOptions = {}): PropertyDecorator =>
  field([text, oneOf(values)], { type: 'string', enum: [...values] }, options);

/** A moment: ISO 8601 with an offset. Becomes a `Date`. */
export const InstantField = (options: FieldOptions = {}): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) => {
      const time = isText(value) ? parseInstant(value) : undefined;
      return time === undefined ? value : new Date(time);
    }),
    field(
      [
        {
          code: 'invalid_time',
          test: (value) => value instanceof Date,
          message: 'must be an ISO 8601 time with an offset, like 2026-01-31T09:30:00.000Z',
        },
      ],
      { type: 'string', format: 'date-time' },
      options,
    ),
  );

/** A day of the calendar, `YYYY-MM-DD`; stays a text. */
export const DateField = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    [text, form('invalid_date', isDate, 'must be a day, like 2026-01-31')],
    { type: 'string', format: 'date' },
    options,
  );

/** A time zone of the IANA database. */
export const TimeZoneField = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    [text, form('invalid_time_zone', isTimeZone, 'must be an IANA time zone, like Europe/Berlin')],
    { type: 'string', example: 'Europe/Berlin' },
    options,
  );

/** An absolute http(s) URL of at most `max` characters. */
export const UrlField = (options: FieldOptions & { max: number }): PropertyDecorator =>
  field(
    [text, storable, shorter(options.max), form('invalid_url', isWebUrl, 'must be an http or https URL')],
    { type: 'string', format: 'uri', maxLength: options.max },
    options,
  );

interface ListOptions extends FieldOptions {
  min?: number;
  max: number;
  /** Whether an item is right. */
  item: (value: string) => boolean;
  /** What an item must be: "an IP address or CIDR block". */
  itemIs: string;
  itemSchema?: Record<string, unknown>;
  /** Most characters of all items together. */
  maxText?: number;
}

const listRules = ({ min = 0, max, item, itemIs, maxText }: ListOptions): Rule[] => [
  { code: 'not_a_list', test: Array.isArray, message: 'must be a list' },
  {
    code: 'too_few_items',
    test: (value) => Array.isArray(value) && value.length >= min,
    message: `must have at least ${min} items`,
  },
  {
    code: 'too_many_items',
    test: (value) => Array.isArray(value) && value.length <= max,
    message: `must have at most ${max} items`,
  },
  {
    code: 'invalid_item',
    test: (value) => Array.isArray(value) && value.every((one) => isText(one) && isStorable(one) && item(one)),
    message: `must hold only items that are ${itemIs}`,
  },
  {
    code: 'repeated_item',
    test: (value) => Array.isArray(value) && new Set(value).size === value.length,
    message: 'must not hold an item twice',
  },
  ...(maxText === undefined
    ? []
    : [
        {
          code: 'too_long',
          test: (value: unknown) => Array.isArray(value) && value.filter(isText).join('').length <= maxText,
          message: `must have at most ${maxText} characters, all items together`,
        },
      ]),
];

/** A list of texts in a body, none twice. */
export const ListField = (options: ListOptions): PropertyDecorator =>
  field(
    listRules(options),
    {
      type: 'array',
      items: { type: 'string', ...options.itemSchema },
      minItems: options.min ?? 0,
      maxItems: options.max,
      uniqueItems: true,
    },
    options,
  );

/** A list of texts in a query string, separated by commas, none twice; `a,b`. */
export const QueryListField = (options: ListOptions): PropertyDecorator =>
  applyDecorators(
    fromQuery((value) => value.split(',')),
    ListField(options),
  );

/** An object of a body with rules of its own. */
export const ObjectField = (type: () => new () => object, options: FieldOptions = {}): PropertyDecorator =>
  applyDecorators(
    Type(type),
    ValidateNested(),
    field(
      [
        {
          code: 'not_an_object',
          test: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
          message: 'must be an object',
        },
      ],
      // TRICKY: the documentation takes a function for a lazy type only where its name is `type`.
      { type: () => type() },
      options,
    ),
  );

/** A list of objects of a body, each with rules of its own. */
export const ObjectListField = (
  type: () => new () => object,
  options: FieldOptions & { min?: number; max: number },
): PropertyDecorator => {
  const { min = 0, max } = options;
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
  return applyDecorators(
    Type(type),
    ValidateNested({ each: true }),
    field(
      [
        { code: 'not_a_list', test: Array.isArray, message: 'must be a list' },
        {
          code: 'too_few_items',
          test: (value) => Array.isArray(value) && value.length >= min,
          message: `must have at least ${min} items`,
        },
        {
          code: 'too_many_items',
          test: (value) => Array.isArray(value) && value.length <= max,
          message: `must have at most ${max} items`,
        },
        {
          code: 'invalid_item',
          test: (value) => Array.isArray(value) && value.every(isObject),
          message: 'must hold only objects',
        },
      ],
      // TRICKY: as above; `isArray` makes a list of it.
      { type: () => type(), isArray: true, minItems: min, maxItems: max },
      options,
    ),
  );
};
