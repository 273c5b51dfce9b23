// How does a question about statistics fail, in the client's words?
import type { Interval } from '../common/buckets';
import { invalidInput, type FieldError, type Problem } from '../common/problem';

/** A fault of one parameter. */
export const badParameter = (path: string, code: string, message: string): Problem => {
  const error: FieldError = { path, code, message };
  return invalidInput({ errors: [error] });
};

/** The range holds too many buckets of that length to be answered. */
export const tooManyBuckets = (interval: Interval, max: number): Problem =>
  badParameter(
    'interval',
    'too_many_buckets',
    `must give at most ${max} buckets: ask for a longer interval than ${interval}, or for a shorter range`,
  );
