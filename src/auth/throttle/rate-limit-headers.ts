// How is a client told of its limits? By the fields of the IETF's draft "RateLimit header fields for HTTP".
import type { Limit, Standing } from './throttle-counters';

/** A limit under its name, and where it stands. */
export interface NamedStanding {
  readonly name: string;
  readonly limit: Limit;
  readonly standing: Standing;
}

/** `RateLimit-Policy` and `RateLimit` for one or more limits. */
export const rateLimitHeaders = (standings: readonly NamedStanding[]): Record<string, string> => ({
  'RateLimit-Policy': standings
    .map(({ name, limit }) => `"${name}";q=${limit.quota};w=${limit.windowSeconds}`)
    .join(', '),
  RateLimit: standings
    .map(({ name, standing }) => `"${name}";r=${standing.remaining};t=${standing.resetSeconds}`)
    .join(', '),
});
