// How is a query string read? A parameter given twice is refused: two readers would take different ones.
import { parse } from 'node:querystring';
import { invalidInput } from '../../common/problem';

const REPEATED = Symbol('repeated parameters');

type Query = Record<string, string> & { [REPEATED]?: string[] };

/** Parses a query string into one value a name.
 *  TRICKY: the router calls this outside of any error handling, so what is wrong is noted here and thrown by `refuseRepeated`. */
export function parseQuery(text: string): Query {
  const query = Object.create(null) as Query;
  const repeated: string[] = [];
  // More than 1,000 parameters are cut off by the parser; no route has as many names.
  for (const [name, value] of Object.entries(parse(text))) {
    if (Array.isArray(value)) repeated.push(name);
    query[name] = Array.isArray(value) ? (value[0] ?? '') : (value ?? '');
  }
  if (repeated.length > 0) Object.defineProperty(query, REPEATED, { value: repeated });
  return query;
}

/** @throws invalidInput naming each parameter that was given twice */
export function refuseRepeated(query: unknown): void {
  const repeated = (query as Query | null)?.[REPEATED];
  if (repeated === undefined) return;
  throw invalidInput({
    errors: repeated.map((path) => ({ path, code: 'repeated', message: 'must be given once' })),
  });
}
