// May this request pass? The one guard of every route: who calls, from where, with which scope, on which project.
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid } from '../common/ids';
import { forbidden, invalidInput, notFound } from '../common/problem';
import type { Project } from '../projects/projects.types';
import { projectRequired } from './auth.errors';
import type { RequestAuth, Scope } from './auth.types';
import { Authenticator } from './authenticator';
import { BrowserAccess } from './browser-access';
import { presentedKey, refused } from './credentials';
import {
  AUTH_BROWSER,
  AUTH_PROJECT_OPTIONAL,
  AUTH_PROJECT_PARAM,
  AUTH_PUBLIC,
  AUTH_ROOT_ONLY,
  AUTH_SCOPES,
  AUTH_TICKET,
} from './decorators';
import { KeyDirectory } from './key-directory';
import { TICKET_PARAMETER } from './tickets';

/** What a route asks for, read from its decorators once. */
interface Demands {
  readonly isPublic: boolean;
  readonly rootOnly: boolean;
  readonly scopes: readonly Scope[];
  readonly projectParam: string | undefined;
  readonly projectOptional: boolean;
  readonly fromBrowser: boolean;
  readonly byTicket: boolean;
}

/** Sets `request.auth`, or refuses. A route that says nothing is open to every key, and to no one without. */
@Injectable()
export class AuthGuard implements CanActivate {
  private readonly demands = new WeakMap<object, Demands>();

  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly directory: KeyDirectory,
    private readonly browsers: BrowserAccess,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const demands = this.demandsOf(context);
    if (demands.isPublic) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const auth = await this.callerOf(request, reply, demands);
    checkScopes(auth, demands);
    request.auth = { key: auth.key, ...(await this.projectFor(auth, demands, request)) };
    return true;
  }

  private async callerOf(request: FastifyRequest, reply: FastifyReply, demands: Demands): Promise<RequestAuth> {
    const origin = { address: request.ip, socketAddress: request.socket.remoteAddress };
    const text = presentedKey(request, demands.fromBrowser);
    if (text !== undefined) {
      const auth = await this.authenticator.authenticate(text, origin);
      this.browsers.check(auth, request, reply);
      return auth;
    }
    const ticket = demands.byTicket ? (request.query as Record<string, unknown> | null)?.[TICKET_PARAMETER] : undefined;
    if (typeof ticket !== 'string') throw refused('The request brings no API key.');
    this.browsers.open(request, reply);
    const auth = await this.authenticator.authenticateTicket(ticket, origin);
    this.browsers.checkOrigin(auth, request, reply);
    return auth;
  }

  private async projectFor(
    { key, project: own }: RequestAuth,
    demands: Demands,
    request: FastifyRequest,
  ): Promise<{ project?: Project }> {
    const header = request.headers['x-project-id'];
    const named =
      demands.projectParam === undefined
        ? idOf(header, 'X-Project-Id')
        : idOf((request.params as Record<string, string>)[demands.projectParam], demands.projectParam);
    if (own !== undefined) {
      if (named !== undefined && named !== own.id) throw notFound();
      return { project: own };
    }
    if (named === undefined) {
      if (key.kind === 'root' && demands.scopes.length > 0 && !demands.projectOptional)
        throw projectRequired({ detail: 'The root key acts on a project by the X-Project-Id header.' });
      return {};
    }
    const project = await this.directory.project(named);
    if (project === undefined) throw notFound();
    return { project };
  }

  private demandsOf(context: ExecutionContext): Demands {
    const handler = context.getHandler();
    const known = this.demands.get(handler);
    if (known !== undefined) return known;
    const read = (name: string): unknown => this.reflector.getAllAndOverride(name, [handler, context.getClass()]);
    const demands: Demands = {
      isPublic: read(AUTH_PUBLIC) === true,
      rootOnly: read(AUTH_ROOT_ONLY) === true,
      scopes: (read(AUTH_SCOPES) ?? []) as Scope[],
      projectParam: read(AUTH_PROJECT_PARAM) as string | undefined,
      projectOptional: read(AUTH_PROJECT_OPTIONAL) === true,
      fromBrowser: read(AUTH_BROWSER) === true,
      byTicket: read(AUTH_TICKET) === true,
    };
    this.demands.set(handler, demands);
    return demands;
  }
}

function checkScopes({ key }: RequestAuth, { rootOnly, scopes }: Demands): void {
  if (rootOnly && key.kind !== 'root') throw forbidden({ detail: 'Only the root key may do this.' });
  const missing = scopes.filter((scope) => !key.scopes.includes(scope));
  if (missing.length > 0) throw forbidden({ detail: `The API key lacks the scope ${missing.join(', ')}.` });
}

function idOf(given: string | string[] | undefined, path: string): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given === 'string' && isUuid(given)) return given.toLowerCase();
  throw invalidInput({ errors: [{ path, code: 'invalid_uuid', message: 'must be a UUID' }] });
}
