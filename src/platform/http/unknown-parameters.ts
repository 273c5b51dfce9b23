// Which parameters does a route know that reads none? None: what it would ignore is refused, as everywhere else.
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/internal';
import { DECORATORS } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { invalidInput } from '../../common/problem';

/** Whether a handler takes the whole query as a DTO, whose fields the validation pipe holds it to. */
const takesQuery = (controller: object, name: string): boolean =>
  Object.keys((Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as object).some((key) =>
    key.startsWith(`${RouteParamtypes.QUERY}:`),
  );

/** Names of parameters that a handler reads by itself: those that it documents. */
const documentedNames = (handler: object): Set<string> => {
  const parameters = (Reflect.getMetadata(DECORATORS.API_PARAMETERS, handler) ?? []) as {
    in?: string;
    name?: string;
  }[];
  return new Set(parameters.flatMap((parameter) => (parameter.in === 'query' ? [parameter.name ?? ''] : [])));
};

/** Refuses query parameters that a route does not know. It stands after the guards: who may not ask learns nothing.
 *  @throws invalidInput naming each of them */
@Injectable()
export class UnknownParameters implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const given = Object.keys(context.switchToHttp().getRequest<FastifyRequest>().query ?? {});
    if (given.length > 0) this.#refuse(given, context);
    return next.handle();
  }

  #refuse(given: readonly string[], context: ExecutionContext): void {
    const handler = context.getHandler();
    if (takesQuery(context.getClass(), handler.name)) return;
    const known = documentedNames(handler);
    const unknown = given.filter((name) => !known.has(name));
    if (unknown.length === 0) return;
    throw invalidInput({
      errors: unknown.map((path) => ({ path, code: 'unknown_field', message: 'is not a parameter here' })),
    });
  }
}
