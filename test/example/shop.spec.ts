// Does a team's own module work as README says it does?
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';
import { startTestApp, type TestApp } from '../support';
import { ShopModule } from './shop.module';

let server: TestApp;
let projectId: string;

const ask = async (method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> => {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      'x-api-key': server.rootKey,
      'content-type': 'application/json',
      ...(projectId === undefined ? {} : { 'x-project-id': projectId }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: await answer.json() };
};

beforeAll(async () => {
  server = await startTestApp({ imports: [ShopModule] });
  const { json } = await ask('POST', '/api/v1/projects', { name: 'Shop' });
  projectId = (json as { project: { id: string } }).project.id;
});
afterAll(() => server.close());

it('passes every event through a step of its own, and answers on a route of its own', async () => {
  const paths = ['/orders/4711', '/orders/4712', '/orders/4712/invoice', '/about'];
  const sent = await ask('POST', '/api/v1/events/batch', {
    events: paths.map((path) => ({
      id: randomUUID(),
      name: 'pageview',
      visitorId: 'v',
      url: `https://shop.example${path}`,
    })),
  });
  expect(sent).toMatchObject({ status: 200, json: { accepted: 4 } });
  expect(await ask('GET', '/api/v1/shop/order-pages?days=1')).toEqual({
    status: 200,
    json: {
      data: [
        { page: '/orders/:id', views: 2 },
        { page: '/orders/:id/invoice', views: 1 },
      ],
    },
  });
});

it('asks for keys and answers problems like every other route', async () => {
  const answer = await fetch(`${server.url}/api/v1/shop/order-pages`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    401,
    expect.stringContaining('application/problem+json'),
  ]);
  expect(await ask('GET', '/api/v1/shop/order-pages?days=soon')).toMatchObject({
    status: 400,
    json: { errors: [{ path: 'days' }] },
  });
});

it('is in the documentation', async () => {
  const { json } = await ask('GET', '/openapi.json');
  expect(Object.keys((json as { paths: object }).paths)).toContain('/api/v1/shop/order-pages');
});

it('is what README shows', () => {
  const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');
  const example = readFileSync(join(packageRoot, 'test/example/shop.module.ts'), 'utf8');
  const code = example.slice(example.indexOf('@Module'));
  expect(readme).toContain(code.trim());
});
