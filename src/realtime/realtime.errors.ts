// How does the live view refuse, in the client's words?
import { problem } from '../common/problem';

/** The key, the project or the process has as many open streams as it may. */
export const tooManyStreams = problem(429, 'too_many_streams', 'Too many streams are open');
