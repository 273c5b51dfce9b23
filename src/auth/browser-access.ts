// May a web page use this? Preflights for the routes that pages may call, and answers that they can read, for `pub` keys only.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, HttpAdapterHost, MetadataScanner } from '@nestjs/core';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { originNotAllowed } from './auth.errors';
import type { RequestAuth } from './auth.types';
import { presentedKey } from './credentials';
import { AUTH_BROWSER } from './decorators';
import { kindOfKeyText } from './key-format';

const REQUEST_HEADERS = 'content-type, x-api-key, authorization, x-request-id, idempotency-key, content-encoding';
const RESPONSE_HEADERS = 'RateLimit, RateLimit-Policy, Retry-After, X-Request-Id';
const PREFLIGHT_SECONDS = 7_200;

/** Cross-origin access (the Fetch standard's CORS), without credentials: a key is all that counts. */
@Injectable()
export class BrowserAccess implements OnModuleInit {
  private readonly paths = new Set<string>();

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly config: ApplicationConfig,
  ) {}

  onModuleInit(): void {
    for (const path of this.browserPaths()) this.paths.add(path);
    // A hook, not middleware: it sees the path that the router will see.
    const instance = this.host.httpAdapter.getInstance<FastifyInstance>();
    instance.addHook('onRequest', (request, reply, done) => {
      if (this.answerPreflight(request, reply)) return;
      done();
    });
  }

  /** Refuses a `pub` key of a page that its project does not list.
   *  @throws originNotAllowed (403); the page itself can't read it, as is the way of browsers */
  check({ key, project }: RequestAuth, request: FastifyRequest, reply: FastifyReply): void {
    if (key.kind === 'pub') this.checkOrigin(project === undefined ? {} : { project }, request, reply);
  }

  /** Lets a page read the answer, whatever it will be; for a request whose address holds all that it needs, so that there is no preflight. */
  open(request: FastifyRequest, reply: FastifyReply): void {
    const { origin } = request.headers;
    if (origin === undefined) return;
    reply
      .header('vary', 'Origin')
      .header('access-control-allow-origin', origin)
      .header('access-control-expose-headers', RESPONSE_HEADERS);
  }

  /** Refuses a page that the project does not list, whatever it brings.
   *  @throws originNotAllowed (403) */
  checkOrigin({ project }: Pick<RequestAuth, 'project'>, request: FastifyRequest, reply: FastifyReply): void {
    const { origin } = request.headers;
    if (origin === undefined) return;
    const allowed = project?.settings.allowedOrigins ?? [];
    if (allowed.length === 0 || allowed.includes(origin)) return;
    for (const name of ['access-control-allow-origin', 'access-control-expose-headers']) reply.removeHeader(name);
    throw originNotAllowed({ detail: 'The project does not list this origin in allowedOrigins.' });
  }

  /** @returns whether the request is answered */
  private answerPreflight(request: FastifyRequest, reply: FastifyReply): boolean {
    const { origin } = request.headers;
    const path = request.url.split('?')[0] ?? '';
    if (origin === undefined || !this.paths.has(path.replace(/(?<=.)\/$/, ''))) return false;
    reply.header('vary', 'Origin');
    if (request.method === 'OPTIONS') {
      if (request.headers['access-control-request-method'] === undefined) return false;
      // It can't know the key, and so not the project: any origin may ask, and is told with the answer to the real request.
      void reply
        .code(204)
        .header('access-control-allow-origin', origin)
        .header('access-control-allow-methods', 'POST')
        .header('access-control-allow-headers', REQUEST_HEADERS)
        .header('access-control-max-age', PREFLIGHT_SECONDS)
        .send();
      return true;
    }
    // Set before the body is read, so that a page can read why its body was refused; the guard takes it back.
    if (claimsPub(request))
      reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', RESPONSE_HEADERS);
    return false;
  }

  private *browserPaths(): Generator<string> {
    const prefix = this.config.getGlobalPrefix();
    for (const { instance, metatype } of this.discovery.getControllers()) {
      if (typeof metatype !== 'function' || instance === undefined || instance === null) continue;
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name] ?? {};
        const marked = [handler, metatype].some((target) => Reflect.getMetadata(AUTH_BROWSER, target) === true);
        if (!marked || Reflect.getMetadata(METHOD_METADATA, handler) === undefined) continue;
        for (const base of pathsOf(metatype)) for (const path of pathsOf(handler)) yield joined(prefix, base, path);
      }
    }
  }
}

/** Whether the request says that its key is a `pub` one; whether it is, the guard finds out. */
function claimsPub(request: FastifyRequest): boolean {
  try {
    const text = presentedKey(request, true);
    return text !== undefined && kindOfKeyText(text) === 'pub';
  } catch {
    return false;
  }
}

const pathsOf = (target: object): string[] => {
  const path: unknown = Reflect.getMetadata(PATH_METADATA, target);
  return (Array.isArray(path) ? path : [path]).map((one) => (typeof one === 'string' ? one : ''));
};

const joined = (...parts: readonly string[]): string =>
  `/${parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '')
    .join('/')}`;
