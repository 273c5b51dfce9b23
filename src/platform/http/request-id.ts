// By which id is a request known, to its client, in the log and in the stores?
import type { IncomingMessage } from 'node:http';
import { newId } from '../../common/ids';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's `X-Request-Id` where it is plain and short, else a new one: it goes into logs and query comments. */
export const requestIdOf = (request: Pick<IncomingMessage, 'headers'>): string => {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : newId();
};
