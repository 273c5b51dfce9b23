// How does a request about funnels fail?
import { invalidInput, type Problem, problem } from '../common/problem';

/** Names are unique in a project. */
export const funnelNameTaken = problem(409, 'funnel_name_taken', 'A funnel of this name exists');
/** The project has as many as it may have. */
export const tooManyFunnels = problem(409, 'too_many_funnels', 'The project has as many funnels as it may have');
/** The funnel was right when it was saved; a goal that it names is not there any more. */
export const funnelOutdated = problem(
  409,
  'funnel_outdated',
  'The funnel names a goal that is gone: change the funnel, or make the goal again',
);

/** A fault of one place in the request. */
export const badField = (path: string, code: string, message: string): Problem =>
  invalidInput({ errors: [{ path, code, message }] });
