// How does a JSON Schema become a fast check? Compiles the small subset that events need into closures, once.
// An off-the-shelf validator either stops at the first fault or collects without bound; this one gathers a bounded list with stable
// codes, and counts an event's size on its way, so that the hot path never serialises to measure.
import type { FieldError } from '../../common/problem';
import { formats } from './formats';
import { isCleanText } from '../../common/clean-text';
import { cutText, hasAtMost } from './text';

/** Why a field is refused; part of the contract. */
export const fieldCodes = {
  required: 'The field is missing',
  wrong_type: 'The value has another type than the rule asks for',
  too_short: 'The text is shorter than allowed',
  too_long: 'The text or list is longer than allowed, counted in Unicode code points',
  unknown_field: 'No field of this name exists here',
  invalid_format: 'The text does not have the form that the rule asks for',
  out_of_range: 'The number or time lies outside of the allowed range',
  too_many_keys: 'The object has more keys than allowed',
  too_deep: 'Objects and lists are nested deeper than allowed',
  too_large: 'The JSON text of the value has more bytes than allowed',
  invalid_characters: 'The text holds NUL or half of a surrogate pair, which cannot be stored',
} as const;
export type FieldCode = keyof typeof fieldCodes;

type TypeName = 'string' | 'number' | 'integer' | 'object' | 'array';

/** The subset of JSON Schema 2020-12 that rules are written in. Lengths count Unicode code points, as JSON Schema does. */
export interface Schema {
  readonly type: TypeName | readonly TypeName[];
  /** Name under which the documentation keeps an object. */
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** `false`: only the named ones. `true`: a free object, any JSON within the three limits below. */
  readonly additionalProperties?: boolean;
  readonly maxProperties?: number;
  readonly propertyNames?: { readonly minLength: number; readonly maxLength: number };
  /** How deep objects and lists may be nested, the object itself counted. */
  readonly 'x-max-depth'?: number;
  /** How many bytes the object may take as compact JSON. */
  readonly 'x-max-bytes'?: number;
  readonly items?: Schema;
  readonly maxItems?: number;
}

const MAX_FAULTS = 20;

/** What a check found: the first twenty faults, and an upper bound of the bytes that the seen values take as JSON. */
export class Findings {
  readonly faults: FieldError[] = [];
  bytesAtMost = 0;

  add(path: string, code: FieldCode, message: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push({ path, code, message });
  }

  get isFull(): boolean {
    return this.faults.length >= MAX_FAULTS;
  }
}

export type Check = (value: unknown, found: Findings) => void;

const join = (parent: string, key: string): string =>
  (parent === '' ? '' : `${parent}.`) + cutText(key, 100).toWellFormed();

const compact = new Intl.ListFormat('en', { type: 'disjunction' });
const article: Record<TypeName, string> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  object: 'an object',
  array: 'a list',
};

function checkText(schema: Schema, path: string): (value: string, found: Findings) => void {
  const min = schema.minLength ?? 0;
  const max = schema.maxLength ?? Number.POSITIVE_INFINITY;
  const format = schema.format === undefined ? undefined : formats[schema.format];
  return (value, found) => {
    // A control character takes six bytes as JSON (\u0001), any other UTF-16 unit three or fewer.
    found.bytesAtMost += 6 * value.length;
    if (value.length < min) return found.add(path, 'too_short', `must have at least ${min} characters`);
    if (!hasAtMost(value, max)) return found.add(path, 'too_long', `must have at most ${max} characters`);
    if (!isCleanText(value)) return found.add(path, 'invalid_characters', 'must not hold NUL or lone surrogates');
    const fault = format?.(value);
    if (fault) found.add(path, fault.code, fault.message);
  };
}

function checkNumber(schema: Schema, path: string): (value: number, found: Findings) => void {
  const min = schema.minimum ?? Number.NEGATIVE_INFINITY;
  const max = schema.maximum ?? Number.POSITIVE_INFINITY;
  const format = schema.format === undefined ? undefined : formats[schema.format];
  return (value, found) => {
    // JSON's 1e400 arrives as Infinity.
    if (!Number.isFinite(value)) return found.add(path, 'out_of_range', 'must be a number that a double can hold');
    const fault = format?.(value);
    if (fault) return found.add(path, fault.code, fault.message);
    if (value < min || value > max) found.add(path, 'out_of_range', `must lie between ${min} and ${max}`);
  };
}

function checkRecord(schema: Schema, path: string): (value: object, found: Findings) => void {
  const fields = new Map<string, Check>();
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    fields.set(name, compile(field, join(path, name)));
  const required = schema.required ?? [];
  return (value, found) => {
    const record = value as Record<string, unknown>;
    for (const key in record) {
      const check = fields.get(key);
      if (check !== undefined) {
        const field = record[key];
        if (field !== undefined) check(field, found);
      } else {
        found.add(join(path, key), 'unknown_field', 'is not a field that exists here');
        if (found.isFull) return;
      }
    }
    for (const name of required) {
      if (record[name] === undefined) found.add(join(path, name), 'required', 'is required');
    }
  };
}

/** Walks a free JSON object, counting the least and the most bytes that it can take. Stops at the first limit that is passed. */
class FreeWalk {
  // Braces and, for each key, a comma: one of them too many, hence one less.
  private least = 1;
  private most = 2;

  constructor(
    private readonly schema: Schema,
    private readonly root: string,
    private readonly found: Findings,
  ) {}

  run(value: object): void {
    const maxBytes = this.schema['x-max-bytes'] ?? Number.POSITIVE_INFINITY;
    const before = this.found.faults.length;
    if (!this.container(value, this.root, 1)) return;
    if (this.found.faults.length > before) return;
    if (this.least > maxBytes || (this.most > maxBytes && Buffer.byteLength(JSON.stringify(value)) > maxBytes)) {
      this.tooLarge(maxBytes);
    }
    this.found.bytesAtMost += this.most;
  }

  /** @returns false where the walk has to end */
  private container(value: object, path: string, depth: number): boolean {
    if (depth > (this.schema['x-max-depth'] ?? Number.POSITIVE_INFINITY)) {
      this.found.add(path, 'too_deep', `must not be nested deeper than ${this.schema['x-max-depth']} levels`);
      return false;
    }
    const isList = Array.isArray(value);
    const names = depth === 1 ? this.schema.propertyNames : undefined;
    const maxKeys = depth === 1 ? (this.schema.maxProperties ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const maxBytes = this.schema['x-max-bytes'] ?? Number.POSITIVE_INFINITY;
    let keys = 0;
    for (const key in value) {
      if (++keys > maxKeys) {
        this.found.add(path, 'too_many_keys', `must have at most ${maxKeys} keys`);
        return false;
      }
      if (isList) {
        this.grow(1, 1);
      } else {
        this.grow(key.length + 4, 6 * key.length + 4);
        if (names && key.length < names.minLength)
          this.found.add(join(path, key), 'too_short', 'keys must not be empty');
        else if (names && !hasAtMost(key, names.maxLength)) {
          this.found.add(join(path, key), 'too_long', `keys must have at most ${names.maxLength} characters`);
        } else if (!isCleanText(key)) {
          this.found.add(join(path, key), 'invalid_characters', 'keys must not hold NUL or lone surrogates');
        }
      }
      if (!this.leaf((value as Record<string, unknown>)[key], path, key, depth)) return false;
      if (this.least > maxBytes) {
        this.tooLarge(maxBytes);
        return false;
      }
    }
    return !this.found.isFull;
  }

  private leaf(value: unknown, parent: string, key: string, depth: number): boolean {
    switch (typeof value) {
      case 'string':
        this.grow(value.length + 2, 6 * value.length + 2);
        if (!isCleanText(value)) {
          this.found.add(join(parent, key), 'invalid_characters', 'must not hold NUL or lone surrogates');
        }
        return !this.found.isFull;
      case 'number':
        this.grow(1, 25);
        if (!Number.isFinite(value)) {
          this.found.add(join(parent, key), 'out_of_range', 'must be a number that a double can hold');
        }
        return !this.found.isFull;
      case 'object':
        this.grow(1, 4);
        return value === null || this.container(value, join(parent, key), depth + 1);
      case 'boolean':
        this.grow(4, 5);
        return true;
      default:
        // Not JSON: only a caller inside the process can bring it.
        this.found.add(join(parent, key), 'wrong_type', 'must be a JSON value');
        return !this.found.isFull;
    }
  }

  private grow(least: number, most: number): void {
    this.least += least;
    this.most += most;
  }

  private tooLarge(maxBytes: number): void {
    this.found.add(this.root, 'too_large', `must take at most ${maxBytes} bytes as JSON`);
  }
}

/** Compiles a schema into a check of values at `path`.
 *  @throws Error where the schema names a format that does not exist: a fault of the declaration, seen at start */
export function compile(schema: Schema, path = ''): Check {
  if (schema.format !== undefined && formats[schema.format] === undefined) {
    throw new Error(`No format "${schema.format}" exists`);
  }
  const types = Array.isArray(schema.type) ? (schema.type as TypeName[]) : [schema.type as TypeName];
  const text = types.includes('string') ? checkText(schema, path) : undefined;
  const number = types.includes('number') || types.includes('integer') ? checkNumber(schema, path) : undefined;
  const wholeOnly = types.includes('integer') && !types.includes('number');
  const record =
    types.includes('object') && schema.additionalProperties !== true ? checkRecord(schema, path) : undefined;
  const isFree = types.includes('object') && schema.additionalProperties === true;
  const isList = types.includes('array');
  const maxItems = schema.maxItems ?? Number.POSITIVE_INFINITY;
  const wrong = `must be ${compact.format(types.map((type) => article[type]))}`;

  return (value, found) => {
    if (typeof value === 'string' && text) return text(value, found);
    if (typeof value === 'number' && number && !(wholeOnly && Number.isFinite(value) && !Number.isInteger(value))) {
      return number(value, found);
    }
    if (typeof value === 'object' && value !== null) {
      if (Array.isArray(value)) {
        if (isList) {
          if (value.length > maxItems) found.add(path, 'too_long', `must have at most ${maxItems} entries`);
          return;
        }
      } else if (record) return record(value, found);
      else if (isFree) return new FreeWalk(schema, path, found).run(value);
    }
    found.add(path, 'wrong_type', wrong);
  };
}
