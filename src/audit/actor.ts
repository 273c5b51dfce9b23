// Who does this, and from where? What the audit log says of the caller of a route.
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { KeyKind } from '../auth/auth.types';
import { unauthorized } from '../common/problem';

/** A caller, as far as the log is concerned. */
export interface Actor {
  /** Key's id; "root" for the instance's own. */
  readonly key: string;
  readonly kind: KeyKind;
  /** Address of the connection, or what a trusted proxy says. */
  readonly ip: string;
  readonly requestId: string;
}

/** The caller of a route that changes something. Handed on to whoever writes the change, who logs it in the same transaction. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext): Actor => {
  const { auth, ip, id } = context.switchToHttp().getRequest<FastifyRequest>();
  if (auth === undefined) throw unauthorized();
  return { key: auth.key.id, kind: auth.key.kind, ip, requestId: id };
});
