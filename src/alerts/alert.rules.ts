// What may an alert be? The rules that look at more than one field, and those of what a field's own rule does not know. Pure.
import { invalidInput, type FieldError } from '../common/problem';
import { parseUrl } from '../common/url';
import { parseFilter } from '../events/query';
import { looksBack } from './alert.verdict';
import type { AlertDefinition, AlertQuestion, Condition } from './alerts.types';
import { addressIn, isPublicAddress } from './webhook/address-guard';

/** Most characters of an alert's filters as JSON. */
export const MAX_FILTER_TEXT = 12_000;

/** What somebody says about an alert: left out, null where there shall be none, or the thing itself. */
export interface AlertWish {
  readonly name?: string | undefined;
  readonly metric?: string | undefined;
  readonly filters?: readonly unknown[] | null | undefined;
  readonly window?: number | undefined;
  readonly condition?: string | undefined;
  readonly threshold?: number | undefined;
  readonly webhook?: { readonly url: string } | undefined;
  readonly enabled?: boolean | undefined;
}

/** A new alert.
 *  @param privately whether addresses of private networks may be told
 *  @throws invalidInput */
export const makeAlert = (wish: AlertWish, privately: boolean): AlertDefinition =>
  mergeAlert(
    wish,
    {
      name: '',
      metric: '',
      windowSeconds: 0,
      condition: 'above',
      threshold: 0,
      url: '',
      enabled: true,
    },
    privately,
  );

/** An alert that is as it was, but for what was said. What is left out stays.
 *  @throws invalidInput where the whole is no alert */
export const mergeAlert = (wish: AlertWish, alert: AlertDefinition, privately: boolean): AlertDefinition => {
  const given = wish.filters && kept(wish.filters);
  const filters = given === undefined ? alert.filters : (given ?? undefined);
  const merged: AlertDefinition = {
    name: wish.name ?? alert.name,
    metric: wish.metric ?? alert.metric,
    ...(filters === undefined ? {} : { filters }),
    windowSeconds: wish.window ?? alert.windowSeconds,
    condition: (wish.condition as Condition | undefined) ?? alert.condition,
    threshold: wish.threshold ?? alert.threshold,
    url: wish.webhook?.url ?? alert.url,
    enabled: wish.enabled ?? alert.enabled,
  };
  const errors = [
    ...faultsOfThreshold(merged),
    ...faultsOfFilters(given),
    ...(wish.webhook === undefined ? [] : faultsOfUrl(merged.url, privately)),
  ];
  if (errors.length > 0) throw invalidInput({ errors });
  return merged;
};

/** Whether two alerts ask the same: then what the last check found still holds. */
export const asksTheSame = (one: AlertDefinition, other: AlertDefinition): boolean => {
  const asked = ({ metric, filters, windowSeconds, condition, threshold, enabled }: AlertDefinition): string =>
    JSON.stringify([metric, filters ?? null, windowSeconds, condition, threshold, enabled]);
  return asked(one) === asked(other);
};

/** Filters as a store gives them back.
 *  TRICKY: they are read before too, as what is nested without end cannot be written as JSON, and after, as a number such as 1e999
 *  reads as infinite and is written as null. */
const kept = (filters: readonly unknown[]): readonly unknown[] => {
  parseFilter(filters);
  const stored = JSON.parse(JSON.stringify(filters)) as unknown[];
  parseFilter(stored);
  return stored;
};

const faultsOfFilters = (filters: readonly unknown[] | null | undefined): FieldError[] =>
  filters && JSON.stringify(filters).length > MAX_FILTER_TEXT
    ? [{ path: 'filters', code: 'too_long', message: `must have at most ${MAX_FILTER_TEXT} characters as JSON` }]
    : [];

const faultsOfThreshold = (question: AlertQuestion): FieldError[] =>
  looksBack(question) && question.threshold <= 0
    ? [{ path: 'threshold', code: 'out_of_range', message: 'must be more than 0: a change is a fraction, 0.5 is 50 %' }]
    : [];

const faultsOfUrl = (text: string, privately: boolean): FieldError[] => {
  const path = 'webhook.url';
  const url = parseUrl(text);
  if (url === undefined) return [{ path, code: 'invalid_url', message: 'must be an http or https URL' }];
  if (url.username !== '' || url.password !== '')
    return [{ path, code: 'holds_credentials', message: 'must not hold a user or a password' }];
  const address = addressIn(url);
  // Names are looked up when there is something to tell: where they lead today says nothing about that day.
  return privately || address === undefined || isPublicAddress(address)
    ? []
    : [{ path, code: 'private_address', message: 'must lead to a public address' }];
};
