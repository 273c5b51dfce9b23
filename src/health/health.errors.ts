// Why would this server not take traffic, in the words that a probe shows?
import { problem } from '../common/problem';

/** Still starting, draining, or a store is away; `errors` says which. */
export const notReady = problem(503, 'not_ready', 'The server is not ready');
/** Migrations run, or the server does not listen yet. */
export const notStarted = problem(503, 'not_started', 'The server is still starting');
