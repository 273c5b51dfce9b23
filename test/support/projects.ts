// A project for a test: made over HTTP like any client's, with its keys at hand.
import { randomUUID } from 'node:crypto';
import type { ProjectSettings } from '../../src/projects/projects.types';
import type { TestApp } from './test-app';

/** An answer: status, parsed body (undefined where there is none), headers. */
export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

/** What a request is made of. `body` is sent as JSON. */
export interface Ask {
  method?: string;
  key?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Asks the API of a test's app, by a path below `/api/v1`. */
export async function ask<T = Record<string, unknown>>(
  app: Pick<TestApp, 'url'>,
  path: string,
  request: Ask = {},
): Promise<Answer<T>> {
  const answer = await fetch(`${app.url}/api/v1${path}`, {
    method: request.method ?? (request.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(request.key === undefined ? {} : { 'x-api-key': request.key }),
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (text === '' ? undefined : JSON.parse(text)) as T,
  };
}

/** A project of a test. */
export interface AProject {
  readonly id: string;
  readonly name: string;
  readonly keys: { readonly pub: string; readonly sec: string; readonly adm: string };
}

/** Makes a project; what is not given is the server's default. */
export async function aProject(
  app: Pick<TestApp, 'url' | 'rootKey'>,
  wish: { name?: string; timezone?: string; domains?: string[]; settings?: Partial<ProjectSettings> } = {},
): Promise<AProject> {
  const { status, body } = await ask<{ project: { id: string; name: string }; keys: AProject['keys'] }>(
    app,
    '/projects',
    {
      key: app.rootKey,
      body: { name: `Test ${randomUUID()}`, ...wish },
    },
  );
  if (status !== 201) throw new Error(`The project was not made: ${status} ${JSON.stringify(body)}`);
  return { id: body.project.id, name: body.project.name, keys: body.keys };
}

/** What takes a second on a machine of its own takes several on one that is busy with other things. */
const BUSY = 3;

/** Asks again until the answer is right; the last answer else.
 *  @param withinMs how long it may take where nothing else is done */
export const until = <T>(look: () => Promise<T>, right: (value: T) => boolean, withinMs = 10_000): Promise<T> =>
  promptly(look, right, withinMs * BUSY);

/** As `until`, where the time is a promise that holds on any machine.
 *  @param withinMs how long it may take */
export async function promptly<T>(look: () => Promise<T>, right: (value: T) => boolean, withinMs: number): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await look();
    if (right(value) || Date.now() > end) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
