// Is every route as strict as the document says? What it does not know is refused, and what can do no harm is not held against anybody.
import { randomUUID } from 'node:crypto';
import { aProject, type AProject, startTestApp, type TestApp } from '../support';

interface Operation {
  name: string;
  method: string;
  path: string;
  takesBody: boolean;
  statuses: string[];
}

describe('every operation of the document', () => {
  let server: TestApp;
  let project: AProject;
  let operations: Operation[];

  beforeAll(async () => {
    server = await startTestApp();
    project = await aProject(server);
    const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { requestBody?: object; responses: object }>>;
    };
    operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { requestBody, responses }]) => ({
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        takesBody: requestBody !== undefined,
        statuses: Object.keys(responses),
      })),
    );
  });

  afterAll(() => server.close());

  /** Asks an operation with ids that have the right form. */
  const ask = async ({ method, path }: Operation, query: string, more: RequestInit = {}) => {
    const filled = path
      .replace('/projects/{id}', `/projects/${project.id}`)
      .replace('/sessions/{id}', '/sessions/9f86d081884c7d65-0000000000000000-mm7p2r5s')
      .replace('/visitors/{id}', '/visitors/9f86d081884c7d65')
      .replace('{dimension}', 'page')
      .replace('{key}', 'plan')
      .replaceAll(/\{\w+\}/g, randomUUID());
    const root = /^\/api\/v1\/projects$/.test(path);
    const answer = await fetch(`${server.url}${filled}${query}`, {
      method,
      ...more,
      headers: { 'x-api-key': root ? server.rootKey : project.keys.adm, ...(more.headers as object | undefined) },
    });
    return { status: answer.status, text: await answer.text() };
  };

  /** Names of those of which something is not so, with their answer. */
  const breaking = async (those: Operation[], look: (operation: Operation) => Promise<string | undefined>) => {
    const said = await Promise.all(those.map(async (one) => [one.name, await look(one)] as const));
    return said.filter(([, wrong]) => wrong !== undefined);
  };

  it('refuses a parameter that it does not know', async () => {
    expect(operations.length).toBeGreaterThan(70);
    const taken = await breaking(operations, async (operation) => {
      const { status, text } = await ask(
        operation,
        '?nmae=1',
        operation.takesBody ? { body: '{}', headers: { 'content-type': 'application/json' } } : {},
      );
      return status === 400 ? undefined : `${status} ${text}`;
    });
    expect(taken).toEqual([]);
  });

  it('names what it does not know, also where it takes no parameter at all', async () => {
    const { status, text } = await ask(
      { name: '', method: 'DELETE', path: '/api/v1/visitors/{id}', takesBody: false, statuses: [] },
      '?dryRun=true',
    );
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ errors: [{ path: 'dryRun', code: 'unknown_field' }] });
  });

  it('does not mind how a body is said to be encoded that a GET does not have', async () => {
    const reads = operations.filter(({ method, path }) => method === 'GET' && !path.endsWith('/stream'));
    expect(reads.length).toBeGreaterThan(30);
    const refused = await breaking(reads, async (operation) => {
      const { status } = await ask(operation, '', { headers: { 'content-encoding': 'br' } });
      return status === 415 ? String(status) : undefined;
    });
    expect(refused).toEqual([]);
  });

  it('has a documented answer to a body that nobody asked for', async () => {
    const bodiless = operations.filter(({ method, takesBody }) => method !== 'GET' && !takesBody);
    expect(bodiless.length).toBeGreaterThan(5);
    const bodies = [
      ['application/json', '{'],
      ['text/html', '<p>'],
      ['application/json', JSON.stringify('x'.repeat(1_100_000))],
    ] as const;
    for (const [type, body] of bodies) {
      const strange = await breaking(bodiless, async (operation) => {
        const { status } = await ask(operation, '', { body, headers: { 'content-type': type } });
        return operation.statuses.includes(String(status)) ? undefined : String(status);
      });
      expect(strange).toEqual([]);
    }
  });
});
