// What does a step, a goal or a cohort look for? An event by its name, or a pageview by its path, with a filter: written once, as a filter.
import { globPattern } from '../../common/glob';
import { allOf, type Filter } from './filters';

/** What is looked for: one of `event` and `page`. */
export interface Target {
  /** Name of an event. */
  readonly event?: string | undefined;
  /** Glob over the paths of pageviews. */
  readonly page?: string | undefined;
  readonly filter?: Filter | undefined;
}

/** The events that a target means. */
export const targetFilter = ({ event, page, filter }: Target): Filter => {
  const named: Filter = {
    kind: 'test',
    op: 'is',
    dimension: 'event',
    values: [page === undefined ? (event ?? '') : 'pageview'],
  };
  const there: Filter | undefined =
    page === undefined ? undefined : { kind: 'test', op: 'matches', dimension: 'page', values: [globPattern(page)] };
  return allOf(named, there, filter) ?? named;
};
