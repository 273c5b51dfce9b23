// How does a request about alerts and webhooks fail, in the client's words?
import { problem } from '../common/problem';

/** Names are unique in a project. */
export const alertNameTaken = problem(409, 'alert_name_taken', 'An alert of this name exists');
/** The project has as many as it may have. */
export const tooManyAlerts = problem(409, 'too_many_alerts', 'The project has as many alerts as it may have');
/** Only what is delivered or dead can be sent again. */
export const deliveryPending = problem(409, 'delivery_pending', 'The delivery is still being tried');
