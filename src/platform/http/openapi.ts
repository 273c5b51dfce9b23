// Where does the written contract come from, and where can it be read? From the routes' own decorators; at /docs and /openapi.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { packageRoot } from '../../config/paths';
import { finishDocument } from './openapi-finish';

const DESCRIPTION = `Events in over REST; statistics, funnels, retention and live figures back.

**Keys.** Send \`X-API-Key: <key>\` or \`Authorization: Bearer <key>\`. A \`pub\` key sends events from a browser or a device, a \`sec\` key sends and
reads from a server, an \`adm\` key also administers its project, and the \`root\` key makes projects; it acts on one by \`X-Project-Id\`. No key, or one
that is unknown, revoked or expired: 401. A key without the scope: 403. A project that the key may not see: 404.

**Conventions.** JSON in UTF-8, camelCase. Ids are UUIDs. Times are ISO 8601 with an offset, milliseconds kept, UTC unless a \`timezone\` was asked for.
Durations are seconds, rates are fractions 0..1, money is a decimal text with an ISO 4217 code. Unknown fields and parameters given twice are 400; a list
in a query string is comma-separated.

**Errors** are \`application/problem+json\` (RFC 9457) with a stable \`code\`, the \`requestId\` and, for bad input, \`errors: [{ path, code, message }]\`.

**Lists** answer \`{ data, page: { next } }\`. Send \`next\` back as \`cursor\` until it is null; \`limit\` is 50 by default and at most 1000. Walking pages
while rows arrive skips none and repeats none.

**Limits** hold for a project over all of its routes. Answers carry \`RateLimit-Policy\` and \`RateLimit\`; 429 and 503 say with \`Retry-After\` when to come
back. \`X-Request-Id\` is taken or made, and comes back.`;

/** Tags in the order in which the document shows them. Every operation has one of these. */
export const API_TAGS: readonly (readonly [name: string, description: string])[] = [
  ['projects', 'Projects: the tenants. Each has its own keys, settings, events and limits.'],
  ['keys', 'API keys of a project: made, rotated with a grace period, revoked.'],
  ['events', 'Events in, one by one or in batches, and out again: lists, summaries, exports.'],
  ['visitors', 'Visitors and their sessions: a directory, profiles, what is known of users.'],
  ['stats', 'Statistics of a project over a range: totals, series, breakdowns.'],
  ['realtime', 'Now: who is there, and each event as it comes.'],
  ['funnels', 'Funnels: saved ones with their revisions, and how far visitors come in them.'],
  ['goals', 'Goals: what visitors are wanted to reach, for filters, figures and funnels.'],
  ['alerts', 'Alerts: figures that are watched, and the signed webhooks that tell of them.'],
  ['audit', 'Who did what, to what, when and from where. It can only be added to.'],
  ['jobs', 'Long work that was answered 202.'],
  ['operations', 'Probes and metrics, for those who run the server. No key is asked for.'],
];

/** Version of this release, from package.json. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;

/** `ProjectsController.create` is `projectsCreate`: stable as long as neither is renamed, and a legal name in any client. */
const operationId = (controller: string, method: string): string =>
  controller.replace(/Controller$/, '').replace(/^./, (first) => first.toLowerCase()) +
  method.replace(/^./, (first) => first.toUpperCase());

/** The OpenAPI 3.1 document of an app, made from its routes. The app need neither be started nor have stores. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Millrace')
    .setDescription(DESCRIPTION)
    .setVersion(packageVersion())
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'apiKey')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The API key as a bearer token' }, 'bearer');
  for (const [name, description] of API_TAGS) builder.addTag(name, description);
  return finishDocument(
    SwaggerModule.createDocument(app, builder.build(), { operationIdFactory: operationId, autoTagControllers: false }),
  );
}

/** Serves the document at /openapi.json and Swagger UI at /docs, with assets of the package: it works without internet.
 *  The document is made when it is first asked for, so starting does not wait for it. */
export function setUpOpenApi(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Millrace API',
    // Nobody else's server is asked whether the document is valid.
    swaggerOptions: {
      validatorUrl: null,
      persistAuthorization: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
    },
  });
}
