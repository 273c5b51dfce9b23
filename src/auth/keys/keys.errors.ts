// How do keys fail, in the client's words?
import { problem } from '../../common/problem';

/** A key is rotated once; rotate the one that took its place. */
export const keyAlreadyRotated = problem(409, 'key_already_rotated', 'The key was rotated before');
