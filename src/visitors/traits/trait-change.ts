// What may a request change of a user's traits? Values to set, to add, and to take where there are none. Pure.
import { isCleanText } from '../../common/clean-text';
import { invalidInput, type FieldError } from '../../common/problem';
import type { Traits } from '../visitors.dto';

/** Most traits of a user, and their size as JSON. */
export const MOST_TRAITS = 100;
export const MOST_TRAITS_BYTES = 8_192;
const MAX_KEY = 200;
/** Sums stay far from what a number can't hold. */
export const MOST_NUMBER = 1e15;

/** A change of traits. No key is in two of them. */
export interface TraitChange {
  readonly set: Traits;
  readonly add: Readonly<Record<string, number>>;
  readonly once: Traits;
}

type Group = keyof TraitChange;
/** What the body calls them. */
const FIELDS: Readonly<Record<Group, string>> = { set: 'traits', add: 'add', once: 'once' };

const faultOf = (group: Group, value: unknown): Omit<FieldError, 'path'> | undefined => {
  if (typeof value === 'number')
    return Number.isFinite(value) && Math.abs(value) <= MOST_NUMBER
      ? undefined
      : { code: 'out_of_range', message: 'must be within ±1e15' };
  if (group === 'add') return { code: 'not_a_number', message: 'must be a number' };
  if (typeof value === 'string')
    return isCleanText(value)
      ? undefined
      : { code: 'invalid_characters', message: 'must not hold NUL or half of a surrogate pair' };
  return typeof value === 'boolean' || value === null
    ? undefined
    : { code: 'not_a_scalar', message: 'must be a text, a number, a boolean or null' };
};

/** Checks what a request changes. @throws invalidInput naming each fault */
export const toTraitChange = (given: Partial<Record<Group, Record<string, unknown>>>): TraitChange => {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const groups = (Object.keys(FIELDS) as Group[]).map((group): [Group, Record<string, unknown>] => [
    group,
    given[group] ?? {},
  ]);
  for (const [group, values] of groups)
    for (const [key, value] of Object.entries(values)) {
      const path = `${FIELDS[group]}.${key}`;
      if (key.length === 0 || key.length > MAX_KEY || !isCleanText(key))
        errors.push({
          path: FIELDS[group],
          code: 'invalid_key',
          message: `must have keys of 1..${MAX_KEY} characters`,
        });
      else if (seen.has(key)) errors.push({ path, code: 'repeated_key', message: 'must not be changed twice' });
      const fault = faultOf(group, value);
      if (fault !== undefined) errors.push({ path, ...fault });
      seen.add(key);
    }
  const change = Object.fromEntries(groups) as unknown as TraitChange;
  if (errors.length > 0) throw invalidInput({ errors: errors.slice(0, MOST_TRAITS) });
  if (seen.size > MOST_TRAITS || Buffer.byteLength(JSON.stringify(change)) > MOST_TRAITS_BYTES) throw tooManyTraits();
  return change;
};

/** A user would have more than is kept. */
export const tooManyTraits = () =>
  invalidInput({
    errors: [
      {
        path: 'traits',
        code: 'too_large',
        message: `of a user must be at most ${MOST_TRAITS} keys and ${MOST_TRAITS_BYTES} bytes of JSON, those kept already included`,
      },
    ],
  });
