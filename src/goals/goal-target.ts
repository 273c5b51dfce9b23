// Which events reach a goal? A goal as it is kept becomes a filter when somebody asks.
import { parseFilter, targetFilter } from '../events/query';
import type { Goal, GoalTarget } from './goals.types';

/** A goal as a question works with it. */
export const toTarget = ({ id, name, event, page, filters, value }: Goal): GoalTarget => ({
  id,
  name,
  filter: targetFilter({
    event,
    page,
    filter: filters === undefined ? undefined : parseFilter(filters, 'filters', { goals: false }),
  }),
  ...(value === undefined ? {} : { value }),
});
