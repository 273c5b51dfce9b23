// What does a route ask of its caller, and who is calling? For every controller.
import { applyDecorators, createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiHeader, ApiSecurity } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { unauthorized } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import { originNotAllowed, projectRequired } from './auth.errors';
import type { RequestKey, Scope } from './auth.types';

/** Metadata keys that the guard reads. */
export const AUTH_SCOPES = 'auth:scopes';
export const AUTH_PUBLIC = 'auth:public';
export const AUTH_ROOT_ONLY = 'auth:root_only';
export const AUTH_PROJECT_PARAM = 'auth:project_param';
export const AUTH_PROJECT_OPTIONAL = 'auth:project_optional';
export const AUTH_BROWSER = 'auth:browser';
export const AUTH_TICKET = 'auth:ticket';

type Route = MethodDecorator & ClassDecorator;

// 401, 403, 429 and 503 follow from the security requirement; the document's maker adds them.
const keyed = (): Route => applyDecorators(ApiSecurity('apiKey'), ApiSecurity('bearer'));

const projectHeader = (): Route =>
  ApiHeader({
    name: 'X-Project-Id',
    required: false,
    description: 'The project to act on: for the root key only, and required there',
    schema: { type: 'string', format: 'uuid' },
  });

/** The key must have all of these scopes, and there must be a project: the key's own, or the root key's `X-Project-Id`. */
export const RequireScope = (...scopes: [Scope, ...Scope[]]): Route =>
  applyDecorators(SetMetadata(AUTH_SCOPES, scopes), keyed(), projectHeader(), ApiProblems(projectRequired));

/** As RequireScope, for routes whose path names the project: a key of another project gets 404. `X-Project-Id` is not needed. */
export const RequireScopeOn = (param: string, ...scopes: [Scope, ...Scope[]]): Route =>
  applyDecorators(SetMetadata(AUTH_SCOPES, scopes), SetMetadata(AUTH_PROJECT_PARAM, param), keyed());

/** As RequireScope, but root may call it without choosing a project: `CurrentProject` is then not to be used, `CurrentKey` is. */
export const RequireScopeOrRoot = (...scopes: [Scope, ...Scope[]]): Route =>
  applyDecorators(SetMetadata(AUTH_SCOPES, scopes), SetMetadata(AUTH_PROJECT_OPTIONAL, true), keyed());

/** Only the root key may call this; no project is needed. */
export const RootOnly = (): Route => applyDecorators(SetMetadata(AUTH_ROOT_ONLY, true), keyed());

/** Anybody may call this. A key that is sent is not looked at. */
export const Public = (): Route => applyDecorators(SetMetadata(AUTH_PUBLIC, true));

/** A web page may call this route with a `pub` key: preflights are answered, and answers to `pub` keys can be read. */
export const FromBrowser = (): Route => applyDecorators(SetMetadata(AUTH_BROWSER, true), ApiProblems(originNotAllowed));

/** A ticket (`?ticket=`) may stand in for a key on this route, for pages that can send no header; they can read the answer. */
export const ByTicket = (): Route => applyDecorators(SetMetadata(AUTH_TICKET, true), ApiProblems(originNotAllowed));

/** The project that the request is about: the key's own, the path's, or root's `X-Project-Id`.
 *  @throws projectRequired (400) when root named none */
export const CurrentProject = createParamDecorator((_data: unknown, context: ExecutionContext): Project => {
  const project = context.switchToHttp().getRequest<FastifyRequest>().auth?.project;
  if (project === undefined) throw projectRequired();
  return project;
});

/** The key that the request came with: { id, kind, scopes, projectId? }. */
export const CurrentKey = createParamDecorator((_data: unknown, context: ExecutionContext): RequestKey => {
  const key = context.switchToHttp().getRequest<FastifyRequest>().auth?.key;
  if (key === undefined) throw unauthorized();
  return key;
});
