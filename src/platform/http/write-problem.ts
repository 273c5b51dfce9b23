// What does a problem look like on the wire? One shape, whoever writes it.
import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problem, type Problem, type ProblemMaker } from '../../common/problem';

/** Media type of every error. */
export const PROBLEM_JSON = 'application/problem+json';

/** The body of an error, as RFC 9457 has it, with our code, the request's id and the faults of an input. */
export const problemBody = ({ kind, extra, message }: Problem, instance: string, requestId: string): string =>
  JSON.stringify({
    type: `urn:millrace:problem:${kind.code}`,
    title: kind.title,
    status: kind.status,
    detail: message,
    instance,
    code: kind.code,
    requestId,
    errors: extra.errors,
  });

/** Headers that a problem brings along. */
export const problemHeaders = ({ extra }: Problem): Record<string, string> => ({
  ...extra.headers,
  ...(extra.retryAfterSeconds === undefined
    ? {}
    : { 'retry-after': String(Math.max(1, Math.ceil(extra.retryAfterSeconds))) }),
});

/** The path of a request, without its query: queries may hold what nobody else should see. */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** Answers with a problem. */
export const writeProblem = (thrown: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  reply
    .code(thrown.kind.status)
    .headers(problemHeaders(thrown))
    .type(PROBLEM_JSON)
    .send(problemBody(thrown, pathOf(request.raw.url ?? '/'), request.id));

/** A problem for a status that no feature names: 405, 414, … */
export const problemOfStatus = (status: number): ProblemMaker => {
  const title = STATUS_CODES[status] ?? 'The request was refused';
  return problem(status, title.toLowerCase().replace(/[^a-z0-9]+/g, '_'), title);
};
