// Which errors can a route answer, and what do they look like? `@ApiProblems` says so beside the route; the document is made from it.
import { DECORATORS } from '@nestjs/swagger';
import { invalidInput, Problem, type ProblemKind, type ProblemMaker } from '../../common/problem';
import { problemBody } from './write-problem';

/** Extension under which an operation carries its problems until the document is finished; it is not in the finished document. */
export const PROBLEMS_EXTENSION = 'x-problems';

/** Documents problems that a route, or each route of a controller, can answer: `@ApiProblems(funnelNameTaken, tooManySteps)`.
 *  Problems of one status become one response with an example each. What follows from the route itself (401 and 403 where a
 *  key is asked for, 429, 503, 400 where there is input) needs no mention. */
export const ApiProblems =
  (...makers: readonly ProblemMaker[]): MethodDecorator & ClassDecorator =>
  (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const kinds = makers.map((maker) => maker.kind);
    const methods = descriptor === undefined ? methodsOf(target) : [descriptor.value as object];
    for (const method of methods) addProblems(method, kinds);
  };

const methodsOf = (controller: object): object[] => {
  const { prototype } = controller as { prototype: object };
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => name !== 'constructor' && typeof value === 'function')
    .map(([, { value }]) => value as object);
};

const addProblems = (method: object, kinds: readonly ProblemKind[]): void => {
  const extensions = (Reflect.getMetadata(DECORATORS.API_EXTENSION, method) ?? {}) as Record<string, unknown>;
  const known = (extensions[PROBLEMS_EXTENSION] ?? []) as ProblemKind[];
  Reflect.defineMetadata(
    DECORATORS.API_EXTENSION,
    { ...extensions, [PROBLEMS_EXTENSION]: [...known, ...kinds] },
    method,
  );
};

/** The schema of every error: RFC 9457 with `code`, `requestId` and, for bad input, `errors`. */
export const problemSchema = {
  type: 'object',
  description: 'An error (RFC 9457). `code` is stable and is what a program should look at.',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'Names the kind of problem' },
    title: { type: 'string', description: 'The kind of problem, in words that never differ between two occurrences' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'This occurrence, in words' },
    instance: { type: 'string', description: 'The path that was asked for' },
    code: { type: 'string', pattern: '^[a-z0-9_]+$', description: 'The kind of problem, for programs' },
    requestId: { type: 'string', description: 'The request, as in `X-Request-Id` and in the log' },
    errors: {
      type: 'array',
      description: 'For bad input: every fault that was found',
      items: {
        type: 'object',
        required: ['path', 'code', 'message'],
        properties: {
          path: { type: 'string', description: 'Where: dots and indexes; empty for the whole input' },
          code: { type: 'string' },
          message: { type: 'string' },
        },
      },
    },
  },
} as const;

// Any route refuses a name that it does not know.
const EXAMPLE_FAULT = { path: 'nmae', code: 'unknown_field', message: 'property nmae should not exist' };

/** What a problem of this kind looks like on the wire, for an example in the document. */
export const problemExample = (kind: ProblemKind, instance: string): unknown =>
  JSON.parse(
    problemBody(
      new Problem(kind, kind === invalidInput.kind ? { errors: [EXAMPLE_FAULT] } : {}),
      instance,
      '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10',
    ),
  );
