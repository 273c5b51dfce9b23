// How does an `Idempotency-Key` fail?
import { problem } from '../../common/problem';

/** The first request with the key is still being handled. */
export const idempotencyKeyInUse = problem(
  409,
  'idempotency_key_in_use',
  'A request with this Idempotency-Key is still being handled',
);
/** The key came before, with another request. */
export const idempotencyKeyReused = problem(
  422,
  'idempotency_key_reused',
  'This Idempotency-Key was used for another request',
);
