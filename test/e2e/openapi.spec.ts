// Is the written contract true? Every route is in it and nothing else, each operation is whole, and the committed file is the served one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { openApiText } from '../../src/cli/openapi/document';
import { packageRoot } from '../../src/config/paths';
import { startTestApp, type TestApp } from '../support';
import { DOCUMENTATION, routesOf } from '../support/route-table';

interface Media {
  schema?: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface Answer {
  description: string;
  content?: Record<string, Media>;
  headers?: Record<string, unknown>;
}
interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; schema?: object; description?: string }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Answer>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, unknown> };
}

const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch']);

describe('the OpenAPI document', () => {
  let server: TestApp;
  let served: Document;
  let operations: { name: string; path: string; operation: Operation }[];

  beforeAll(async () => {
    server = await startTestApp();
    served = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
    operations = Object.entries(served.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([method]) => METHODS.has(method))
        .map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
    );
  });

  afterAll(() => server.close());

  /** Names of the operations that break a rule. */
  const breaking = (broken: (operation: Operation, path: string) => boolean): string[] =>
    operations.filter(({ operation, path }) => broken(operation, path)).map(({ name }) => name);

  it('is the committed openapi.json; `npm run openapi` writes it', () => {
    expect(JSON.parse(readFileSync(join(packageRoot, 'openapi.json'), 'utf8'))).toEqual(served);
  });

  it('is the same when it is made without a store', async () => {
    expect(JSON.parse(await openApiText())).toEqual(served);
  });

  it('holds every route of the server, and no other', () => {
    const routes = routesOf(server).filter((route) => !DOCUMENTATION.test(route));
    expect(operations.map(({ name }) => name).sort()).toEqual(routes.sort());
  });

  it('says what it is', () => {
    expect(served.openapi).toBe('3.1.0');
    expect(served.info.title).toBe('Millrace');
    expect(Object.keys(served.components.securitySchemes).sort()).toEqual(['apiKey', 'bearer']);
  });

  it('gives each operation a summary, one known tag and an id of its own', () => {
    const tags = served.tags.map(({ name }) => name);
    expect(breaking(({ summary }) => (summary ?? '').length < 5)).toEqual([]);
    expect(breaking((operation) => operation.tags?.length !== 1 || !tags.includes(operation.tags[0] ?? ''))).toEqual(
      [],
    );
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z][A-Za-z0-9]+$/.test(id ?? ''))).toEqual([]);
  });

  it('shows what to send', () => {
    const shown = ({ content }: { content: Record<string, Media> }): boolean =>
      Object.values(content).every(({ schema, example }) => schema !== undefined && example !== undefined);
    expect(breaking(({ requestBody }) => requestBody !== undefined && !shown(requestBody))).toEqual([]);
  });

  it('shows what success looks like, with a schema and an example', () => {
    const successes = ({ responses }: Operation) =>
      Object.entries(responses).filter(([status]) => status.startsWith('2'));
    expect(breaking((operation) => successes(operation).length === 0)).toEqual([]);
    const shown = ([status, { content }]: [string, Answer]): boolean =>
      status === '204' ||
      (content !== undefined &&
        Object.values(content).every(
          ({ schema, example, examples }) => schema !== undefined && (example !== undefined || examples !== undefined),
        ));
    expect(breaking((operation) => !successes(operation).every(shown))).toEqual([]);
  });

  it('names each error as a problem with an example', () => {
    const isProblem = ([status, { content }]: [string, Answer]): boolean => {
      const media = content?.['application/problem+json'];
      const values = Object.values(media?.examples ?? {}).map(({ value }) => value as { status: number });
      return values.length > 0 && values.every((value) => String(value.status) === status);
    };
    expect(
      breaking(
        ({ responses }) =>
          !Object.entries(responses)
            .filter(([status]) => status >= '400')
            .every(isProblem),
      ),
    ).toEqual([]);
  });

  it('tells of every route with a key that it can answer 401, 403, 429 and 503', () => {
    const missing = ({ security = [], responses }: Operation): boolean =>
      security.length > 0 && !['401', '403', '429', '503'].every((status) => status in responses);
    expect(breaking(missing)).toEqual([]);
    // The other way round: only the probes and the metrics are open.
    expect(breaking(({ security = [] }, path) => security.length === 0 && !/^\/(health|metrics)/.test(path))).toEqual(
      [],
    );
  });

  it('has a schema for each parameter, and every path parameter of the path', () => {
    expect(
      breaking(({ parameters = [] }, path) => {
        const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        return parameters.some(({ schema }) => schema === undefined) || !sameNames(inPath, wanted);
      }),
    ).toEqual([]);
  });

  it('has references that lead somewhere, and no component that nothing leads to', () => {
    const text = JSON.stringify(served);
    const referenced = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]*)"/g)].map(([, name]) => name));
    expect(referenced).toEqual(new Set(Object.keys(served.components.schemas)));
  });

  it('shows examples that keep the schemas beside them', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'millrace', components: served.components });
    const wrong: string[] = [];
    const check = (where: string, { schema, example, examples = {} }: Media): void => {
      const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"millrace#/')) as object;
      const values = example === undefined ? Object.values(examples).map(({ value }) => value) : [example];
      for (const value of values) if (!ajv.validate(absolute, value)) wrong.push(`${where}: ${ajv.errorsText()}`);
    };
    for (const { name, operation } of operations) {
      for (const media of Object.values(operation.requestBody?.content ?? {})) check(`${name} body`, media);
      for (const [status, { content = {} }] of Object.entries(operation.responses))
        for (const media of Object.values(content)) check(`${name} ${status}`, media);
    }
    expect(wrong).toEqual([]);
  });

  it('can be read in a browser, without anything from elsewhere', async () => {
    const page = await fetch(`${server.url}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)=['"]([^'"]+)['"]/g)].map(([, link]) => link ?? '');
    expect(assets.length).toBeGreaterThan(2);
    for (const link of assets) {
      expect(new URL(link, `${server.url}/docs`).origin).toBe(server.url);
      expect((await fetch(new URL(link, `${server.url}/docs`))).status).toBe(200);
    }
  });
});

const sameNames = (some: unknown[], others: unknown[]): boolean =>
  some.length === others.length && some.every((name) => others.includes(name));
