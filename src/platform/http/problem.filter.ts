// Which answer does an error become? Every error of every route passes here, and nothing of its inside gets out.
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import {
  bodyTooLarge,
  forbidden,
  internalError,
  invalidInput,
  notFound,
  Problem,
  type ProblemMaker,
  storeUnavailable,
  tooManyRequests,
  unauthorized,
  unreadableBody,
  unsupportedMedia,
} from '../../common/problem';
import { problemOfStatus, writeProblem } from './write-problem';

const byStatus = new Map<number, ProblemMaker>(
  [unauthorized, forbidden, notFound, bodyTooLarge, unsupportedMedia, tooManyRequests, storeUnavailable].map(
    (maker) => [maker.kind.status, maker],
  ),
);

const isBodyFault = (error: { code?: unknown; name?: unknown }): boolean =>
  error.name === 'SyntaxError' || (typeof error.code === 'string' && /^(?:FST_ERR_CTP_|Z_)/.test(error.code));

/** The problem that an error stands for; a 500 for what nobody foresaw. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : ((error as { statusCode?: unknown } | null)?.statusCode ?? 500);
  if (typeof status !== 'number' || status < 400 || status >= 500) return internalError({ cause: error });
  const origin = (error instanceof HttpException ? (error.cause ?? error) : error) as {
    code?: unknown;
    name?: unknown;
  };
  const known = byStatus.get(status);
  if (known !== undefined) return known({ cause: error });
  if (status === 400) return isBodyFault(origin) ? unreadableBody({ cause: error }) : invalidInput({ cause: error });
  return problemOfStatus(status)({ cause: error });
}

/** Writes every error as problem+json; logs those that are our fault. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const thrown = toProblem(error);
    if (thrown.kind.status === 500)
      this.log.error({ requestId: request.id, route: request.routeOptions?.url, err: error }, 'request failed');
    else if (thrown.kind.status > 500)
      this.log.warn(
        { requestId: request.id, route: request.routeOptions?.url, code: thrown.kind.code },
        'request refused',
      );
    if (reply.sent || reply.raw.headersSent) {
      // A stream that fails half-way must not look complete: cut it.
      reply.raw.destroy();
      return;
    }
    void writeProblem(thrown, request, reply);
  }
}
