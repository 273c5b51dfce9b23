// Whose answer is about a person? Metadata that the route's decorator sets and the interceptor reads.

/** Key of the metadata. */
export const PERSONAL_ANSWER = 'idempotency:personal';
