// What does the document say beyond what stands at each route? Errors and headers that follow from a route's own description,
// named schemas in one place, an example for every answer. Pure: document in, document out.
import { STATUS_CODES } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { OpenAPIObject } from '@nestjs/swagger';
import {
  bodyTooLarge,
  forbidden,
  invalidInput,
  notFound,
  type ProblemKind,
  storeUnavailable,
  tooManyRequests,
  unauthorized,
  unreadableBody,
  unsupportedMedia,
} from '../../common/problem';
import { overloaded } from './admit-requests';
import { problemExample, PROBLEMS_EXTENSION, problemSchema } from './api-problems';
import { exampleOf, requestExampleOf } from './openapi-example';
import { problemOfStatus } from './write-problem';

type Json = Record<string, unknown>;

/** An operation as it comes from the routes' decorators. */
interface Operation extends Json {
  operationId?: string;
  parameters?: Json[];
  requestBody?: Json;
  responses: Record<string, Json>;
  security?: Json[];
  tags?: string[];
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;
/** Of a part of a path; said by the router, before anything else is looked at. */
const uriTooLong = problemOfStatus(414);
const PROBLEM_TYPE = 'application/problem+json';

const header = (name: string): Json => ({ $ref: `#/components/headers/${name}` });

const headers = {
  'X-Request-Id': {
    description: 'The id of the request: the one that was sent, or a new one',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': {
    description: 'The limits that hold for the project: `q` requests in `w` seconds',
    schema: { type: 'string' },
  },
  RateLimit: {
    description: 'What is left: `r` requests, and `t` seconds until all are back',
    schema: { type: 'string' },
  },
  'Retry-After': { description: 'Seconds to wait before trying again', schema: { type: 'integer', minimum: 0 } },
} as const;

/** Completes a document that was made from the routes' decorators. The given one is not changed. */
export function finishDocument(source: OpenAPIObject): OpenAPIObject {
  const document = structuredClone(source) as unknown as Json & {
    paths: Record<string, Record<string, unknown>>;
    components: Record<string, Json>;
    tags?: { name: string }[];
  };
  const schemas: Json = { ...document.components.schemas, Problem: structuredClone(problemSchema) };
  document.components = { ...document.components, headers: structuredClone(headers), schemas };
  document.paths = hoistTitled(document.paths, schemas) as typeof document.paths;
  for (const [name, schema] of Object.entries(schemas))
    schemas[name] = withPatterns(hoistInside(schema, schemas) as Json);

  for (const [path, item] of Object.entries(document.paths))
    for (const method of METHODS)
      if (item[method] !== undefined) finishOperation(path, method, item[method] as Operation, schemas);

  const operations = operationsOf(document.paths);
  document.tags = (document.tags ?? []).filter(({ name }) => operations.some(({ tags }) => tags?.includes(name)));
  const tagNames = document.tags.map(({ name }) => name);
  document.paths = sorted(document.paths, pathOrder(document.paths, tagNames));
  document.components.schemas = sorted(schemas, (name) => name);
  return document as unknown as OpenAPIObject;
}

const operationsOf = (paths: Record<string, Record<string, unknown>>): Operation[] =>
  Object.values(paths).flatMap((item) =>
    METHODS.flatMap((method) => (item[method] === undefined ? [] : [item[method] as Operation])),
  );

/** Problems that follow from what a route takes and asks for; what else can go wrong it says itself. */
function problemsOf(path: string, method: string, operation: Operation): ProblemKind[] {
  const keyed = (operation.security ?? []).length > 0;
  const following = [
    // Every route refuses a parameter that is given twice.
    invalidInput,
    // A body that nobody asked for is read all the same, except with a GET.
    ...(method === 'get' ? [] : [unreadableBody, bodyTooLarge, unsupportedMedia]),
    // Every key may name a project, in the path or by X-Project-Id, and one that is not there, or another's, is not found.
    ...(keyed ? [unauthorized, forbidden, notFound, tooManyRequests, storeUnavailable, overloaded] : []),
    ...(path.includes('{') ? [uriTooLong] : []),
  ].map((maker) => maker.kind);
  const own = (operation[PROBLEMS_EXTENSION] ?? []) as ProblemKind[];
  return [...new Map([...following, ...own].map((kind) => [kind.code, kind])).values()];
}

/** Whether a request must bring a body: one of which no field is required may be left out whole. */
function asksForFields(body: Json, schemas: Json): boolean {
  const { schema } = (body.content as Record<string, Json>)['application/json'] ?? {};
  const name = (schema as { $ref?: string } | undefined)?.$ref?.split('/').at(-1) ?? '';
  const { type, required } = (schemas[name] ?? schema ?? {}) as { type?: string; required?: string[] };
  return type !== 'object' || (required ?? []).length > 0;
}

function finishOperation(path: string, method: string, operation: Operation, schemas: Json): void {
  const problems = problemsOf(path, method, operation);
  delete operation[PROBLEMS_EXTENSION];
  // Lists are separated by commas: a parameter given twice is refused.
  for (const parameter of operation.parameters ?? [])
    if (parameter.in === 'query' && (parameter.schema as Json | undefined)?.type === 'array')
      Object.assign(parameter, { style: 'form', explode: false });
  const { 'application/x-ndjson': lines } = (operation.requestBody?.content ?? {}) as Record<string, Json>;
  // A schema describes one value; this is a text of many.
  if (lines !== undefined)
    Object.assign(lines, {
      schema: { type: 'string', description: 'One JSON value a line' },
      example: '{"name":"pageview","visitorId":"b1946ac9"}\n{"name":"signup","visitorId":"b1946ac9"}\n',
    });
  addExamples(operation.requestBody ?? {}, schemas, requestExampleOf);
  if (operation.requestBody !== undefined)
    operation.requestBody.required = asksForFields(operation.requestBody, schemas);
  const keyed = (operation.security ?? []).length > 0;
  for (const status of new Set(problems.map((kind) => kind.status)))
    operation.responses[status] = problemResponse(
      problems.filter((kind) => kind.status === status),
      path,
    );
  for (const [status, response] of Object.entries(operation.responses)) {
    response.headers = {
      ...(response.headers as Json | undefined),
      'X-Request-Id': header('X-Request-Id'),
      // Who has no key has no project, and so no limit of one; what the router refuses is nobody's yet.
      ...(keyed && status !== '401' && status !== '414'
        ? { 'RateLimit-Policy': header('RateLimit-Policy'), RateLimit: header('RateLimit') }
        : {}),
      ...(status === '429' || status === '503' ? { 'Retry-After': header('Retry-After') } : {}),
    };
    if (response.description === '') response.description = STATUS_CODES[status] ?? status;
    if (status.startsWith('2')) addExamples(response, schemas);
  }
  operation.responses = sorted(operation.responses, (status) => status);
}

function problemResponse(kinds: readonly ProblemKind[], path: string): Json {
  const examples = kinds.map(
    (kind) => [kind.code, { summary: kind.title, value: problemExample(kind, path) }] as const,
  );
  return {
    description: kinds.map((kind) => `${kind.title} (\`${kind.code}\`)`).join('; '),
    content: {
      [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' }, examples: Object.fromEntries(examples) },
    },
  };
}

function addExamples(body: Json, schemas: Json, make: (schema: Json, schemas: Json) => unknown = exampleOf): void {
  for (const media of Object.values((body.content ?? {}) as Record<string, Json>))
    if (media.schema !== undefined && media.example === undefined && media.examples === undefined)
      media.example = make(media.schema as Json, schemas);
}

/** Moves schemas that have a `title` into components, under that name, wherever they stand in line. */
function hoistTitled(node: unknown, schemas: Json): unknown {
  if (Array.isArray(node)) return node.map((part) => hoistTitled(part, schemas));
  if (typeof node !== 'object' || node === null) return node;
  const inside = hoistInside(node, schemas) as Json;
  const { title } = inside;
  if (typeof title !== 'string' || inside.type !== 'object') return inside;
  if (schemas[title] !== undefined && !isDeepStrictEqual(schemas[title], inside))
    throw new Error(`Two different schemas are called ${title}`);
  schemas[title] = inside;
  return { $ref: `#/components/schemas/${title}` };
}

/** Fields that stand for many of their kind: `x-pattern` of one says what names the others have. */
function withPatterns(schema: Json): Json {
  const fields = Object.values((schema.properties ?? {}) as Record<string, Json>);
  const patterns = fields.flatMap((field) => {
    const { 'x-pattern': pattern, example: _, ...kind } = field;
    delete field['x-pattern'];
    return typeof pattern === 'string' ? [[pattern, kind] as const] : [];
  });
  return patterns.length === 0 ? schema : { ...schema, patternProperties: Object.fromEntries(patterns) };
}

/** Keys under which data stands, not schemas. */
const DATA_KEYS = new Set(['example', 'examples', 'default', 'const', 'enum']);

const hoistInside = (node: unknown, schemas: Json): unknown =>
  Object.fromEntries(
    Object.entries(node as Json).map(([key, part]) => [key, DATA_KEYS.has(key) ? part : hoistTitled(part, schemas)]),
  );

/** Paths in the order of their tags, so that the document reads like the contract and differs only where a route does. */
const pathOrder = (paths: Record<string, Record<string, unknown>>, tags: readonly string[]) => (path: string) => {
  const first = METHODS.map((method) => paths[path]?.[method] as Operation | undefined).find((operation) => operation);
  const at = tags.indexOf(first?.tags?.[0] ?? '');
  return `${String(at === -1 ? tags.length : at).padStart(3, '0')} ${path}`;
};

const sorted = <T>(record: Record<string, T>, order: (key: string) => string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (order(a) < order(b) ? -1 : 1)));
