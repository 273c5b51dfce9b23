// Is a body of a shape that can be read in no time? Depth and width are bounded before anything walks it: rules are checked field by field,
// and some readers call themselves for each level.
import { invalidInput } from '../../common/problem';
import { measureJson } from './json-shape';

/** Deeper than any body has a reason to be. */
export const MAX_DEPTH = 64;
/** Checking a DTO takes time with the square of its unknown fields: of 1,000 a few milliseconds, of 60,000 ten seconds. */
export const MAX_NAMES = 1_000;
/** Objects, lists and plain values together. */
export const MAX_VALUES = 20_000;

/** A shorter text is parsed in a moment, whatever it holds. */
const LONG_BYTES = 65_536;

/** Looks at a long text before it is parsed.
 *  @throws invalidInput where it is nested too deep, or there are by far too many values */
export function refuseMisshapenText(body: Buffer): void {
  if (body.length <= LONG_BYTES) return;
  const { depth, marks } = measureJson(body);
  if (depth > MAX_DEPTH) throw tooDeep();
  if (marks > 2 * MAX_VALUES) throw tooManyValues();
}

/** Looks at a value level by level, without calling itself.
 *  @throws invalidInput where it is null, nested too deep, an object has too many names, or there are too many values in all */
export function refuseMisshapen(value: unknown): void {
  // TRICKY: a pipe takes null for a body without fields.
  if (value === null) throw refused('not_an_object', 'must be an object');
  let level: object[] = isContainer(value) ? [value] : [];
  let values = 0;
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw tooDeep();
    const next: object[] = [];
    for (const container of level) {
      const parts: unknown[] = Array.isArray(container) ? container : Object.values(container);
      if (parts !== container && parts.length > MAX_NAMES)
        throw refused('too_many_keys', `no object may have more than ${MAX_NAMES} fields`);
      values += parts.length;
      if (values > MAX_VALUES) throw tooManyValues();
      for (const part of parts) if (isContainer(part)) next.push(part);
    }
    level = next;
  }
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

const refused = (code: string, message: string) => invalidInput({ errors: [{ path: '', code, message }] });
const tooDeep = () => refused('too_deep', `must not be nested deeper than ${MAX_DEPTH}`);
const tooManyValues = () => refused('too_many_values', `must not hold more than ${MAX_VALUES} values`);
