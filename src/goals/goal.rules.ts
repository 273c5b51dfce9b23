// What may a goal be? The rules that look at more than one field, and those of what a field's own rule does not know. Pure.
import { MAX_GLOB } from '../common/glob';
import { isUuid } from '../common/ids';
import { invalidInput, type FieldError } from '../common/problem';
import { formats } from '../events/pipeline';
import { findDimension, parseFilter } from '../events/query';
import type { Goal, GoalValue } from './goals.types';

/** Most characters of a goal's filters as JSON: a question may ask for all of a project's goals at once. */
export const MAX_FILTER_TEXT = 12_000;

/** What somebody says about a goal: left out, null where there shall be none, or the thing itself. Texts are clean and of the right length. */
export interface GoalWish {
  readonly name?: string | undefined;
  readonly event?: string | null | undefined;
  readonly page?: string | null | undefined;
  readonly filters?: readonly unknown[] | null | undefined;
  readonly value?: WishedValue | null | undefined;
}

/** What a goal is worth, before anybody looked which of the two it is. */
export interface WishedValue {
  readonly amount?: string | undefined;
  readonly property?: string | undefined;
  readonly currency: string;
}

/** A goal without what the server says about it. */
export type GoalDefinition = Pick<Goal, 'name' | 'event' | 'page' | 'filters' | 'value'>;

/** A goal that is as it was, but for what was said. What is left out stays.
 *  @throws invalidInput where the whole is no goal */
export const mergeGoal = (wish: GoalWish, goal?: GoalDefinition): GoalDefinition => {
  const name = wish.name ?? goal?.name ?? '';
  const event = said(wish.event, goal?.event);
  const page = said(wish.page, goal?.page);
  const given = wish.filters && kept(wish.filters);
  const filters = said(given, goal?.filters);
  const errors = [
    ...faultsOfName(name),
    ...faultsOfTarget(event, page),
    ...(wish.value ? faultsOfValue(wish.value) : []),
    ...faultsOfFilters(given),
  ];
  if (errors.length > 0) throw invalidInput({ errors });
  const value = said(wish.value && toValue(wish.value), goal?.value);
  return {
    name,
    ...(event === undefined ? {} : { event }),
    ...(page === undefined ? {} : { page }),
    ...(filters === undefined ? {} : { filters }),
    ...(value === undefined ? {} : { value }),
  };
};

const said = <T>(wish: T | null | undefined, before: T | undefined): T | undefined =>
  wish === undefined ? before : (wish ?? undefined);

/** Filters as a store gives them back.
 *  TRICKY: they are read before too, as what is nested without end cannot be written as JSON, and after, as a number such as 1e999
 *  reads as infinite and is written as null. */
const kept = (filters: readonly unknown[]): readonly unknown[] => {
  parseFilter(filters, 'filters', { goals: false });
  const stored = JSON.parse(JSON.stringify(filters)) as unknown[];
  parseFilter(stored, 'filters', { goals: false });
  return stored;
};

const faultsOfName = (name: string): FieldError[] =>
  isUuid(name)
    ? [{ path: 'name', code: 'invalid_form', message: 'must not be a UUID: a goal is named by its name or by its id' }]
    : [];

const faultsOfTarget = (event: string | undefined, page: string | undefined): FieldError[] => {
  if (event === undefined && page === undefined)
    return [{ path: 'event', code: 'required', message: 'must be given, or page must' }];
  if (event !== undefined && page !== undefined)
    return [{ path: 'page', code: 'not_both', message: 'must not be given beside event: a goal is one of the two' }];
  if (page !== undefined && !/^[/*]/.test(page))
    return [{ path: 'page', code: 'invalid_form', message: 'must begin with / or *, as /thanks or /blog/** do' }];
  return page !== undefined && page.length > MAX_GLOB
    ? [{ path: 'page', code: 'too_long', message: `must have at most ${MAX_GLOB} characters` }]
    : [];
};

const faultsOfFilters = (filters: readonly unknown[] | null | undefined): FieldError[] =>
  filters && JSON.stringify(filters).length > MAX_FILTER_TEXT
    ? [{ path: 'filters', code: 'too_long', message: `must have at most ${MAX_FILTER_TEXT} characters as JSON` }]
    : [];

/** Money keeps the rules that an event's revenue keeps, but that it is a text always. */
const faultsOfValue = ({ amount, property, currency }: WishedValue): FieldError[] => {
  const faults: FieldError[] = [];
  if (amount === undefined && property === undefined)
    faults.push({ path: 'value.amount', code: 'required', message: 'must be given, or property must' });
  if (amount !== undefined && property !== undefined)
    faults.push({ path: 'value.property', code: 'not_both', message: 'must not be given beside amount' });
  const wrong = amount === undefined ? undefined : formats.decimal?.(amount);
  if (wrong !== undefined) faults.push({ path: 'value.amount', ...wrong });
  if (property !== undefined && findDimension(`property:${property}`) === undefined)
    faults.push({ path: 'value.property', code: 'invalid_form', message: 'must be the key of a property' });
  const unknown = formats.currency?.(currency);
  if (unknown !== undefined) faults.push({ path: 'value.currency', ...unknown });
  return faults;
};

const toValue = ({ amount, property, currency }: WishedValue): GoalValue =>
  amount === undefined ? { property: property ?? '', currency } : { amount, currency };
