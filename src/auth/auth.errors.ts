// How does authentication fail, in the client's words?
import { problem } from '../common/problem';

/** Root acts on a project's route without saying on which. */
export const projectRequired = problem(400, 'project_required', 'The X-Project-Id header is required');
/** The project's `allowedOrigins` do not hold the page's origin. */
export const originNotAllowed = problem(403, 'origin_not_allowed', 'This origin may not use the key');
