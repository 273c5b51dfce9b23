// Was this create done before? A request that brings an `Idempotency-Key` is done once; sent again, it gets the first answer.
import { createHash } from 'node:crypto';
import {
  Injectable,
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, finalize, from, mergeMap, of, throwError, type Observable } from 'rxjs';
import { Clock } from '../../common/clock';
import { invalidInput } from '../../common/problem';
import { HOUR_MS } from '../../common/time-range';
import { presentedKey } from '../credentials';
import { idempotencyKeyInUse, idempotencyKeyReused } from './idempotency.errors';
import { IdempotencyRepository, type IdempotentRow, type RequestName } from './idempotency.repository';
import { PERSONAL_ANSWER } from './personal-answer';
import { type RunningClaim, RunningClaims } from './running-claims';
import { seal, unseal } from './seal';

const LONGEST_KEY = 255;

/** Replays the first answer to a request that is sent again. Only answers that did something are kept: after an error the
 *  request did nothing, and is tried anew. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor, OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(IdempotencyInterceptor.name);
  private cleaner: NodeJS.Timeout | undefined;

  constructor(
    private readonly repository: IdempotencyRepository,
    private readonly claims: RunningClaims,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.cleaner = setInterval(
      () => void this.repository.removeExpired(new Date(this.clock.now())).catch(() => undefined),
      HOUR_MS,
    );
    this.cleaner.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.cleaner);
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const key = keyOf(request);
    if (key === undefined) return next.handle();
    const { auth } = request;
    const name: RequestName = { owner: auth?.key.projectId ?? 'root', key };
    const secret = presentedKey(request, false) ?? '';
    const hash = hashOf(request);
    const personal = Reflect.getMetadata(PERSONAL_ANSWER, context.getHandler()) === true;
    const { claim, first } = await this.claims.claim(name, hash, personal);
    if (claim === undefined) return of(replay(first, hash, secret, reply));
    return next.handle().pipe(
      mergeMap((body) => from(this.keep(claim, secret, reply.statusCode, body))),
      catchError((error: unknown) => from(letGo(claim)).pipe(mergeMap(() => throwError(() => error)))),
      finalize(() => void claim.stop()),
    );
  }

  private async keep(claim: RunningClaim, secret: string, status: number, body: unknown): Promise<unknown> {
    const plain = Buffer.from(JSON.stringify(body ?? null));
    // The work is done: that its answer can't be kept is no reason to refuse it.
    const kept = await claim.finish(status, seal(plain, secret)).catch(() => false);
    if (!kept) this.logger.warn('an idempotent answer could not be kept');
    return body;
  }
}

const letGo = (claim: RunningClaim): Promise<void> => claim.release().catch(() => undefined);

function replay(first: IdempotentRow, hash: Buffer, secret: string, reply: FastifyReply): unknown {
  if (!first.requestHash.equals(hash)) throw idempotencyKeyReused();
  if (first.status === null || first.sealedBody === null) throw idempotencyKeyInUse({ retryAfterSeconds: 1 });
  const plain = unseal(first.sealedBody, secret);
  if (plain === undefined)
    throw idempotencyKeyReused({
      detail: 'The first request with this Idempotency-Key was made with another API key.',
    });
  reply.status(first.status).header('Idempotency-Replayed', 'true');
  return JSON.parse(plain.toString('utf8'));
}

function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return undefined;
  if (typeof header === 'string' && header.length > 0 && header.length <= LONGEST_KEY && /^[\x20-\x7e]+$/.test(header))
    return header;
  throw invalidInput({
    errors: [
      {
        path: 'Idempotency-Key',
        code: 'invalid_form',
        message: `must be 1..${LONGEST_KEY} printable ASCII characters`,
      },
    ],
  });
}

/** The same for two requests that ask for the same: the order of a body's fields does not matter. */
const hashOf = (request: FastifyRequest): Buffer =>
  createHash('sha256')
    .update(
      JSON.stringify([
        request.method,
        request.url,
        request.headers['x-project-id'] ?? null,
        JSON.stringify(request.body ?? null, sortedKeys),
      ]),
    )
    .digest();

const sortedKeys = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
