// Can a web page use a `pub` key, from the origins that the project lists, and nothing else? CORS over the whole app.
import { aProject, ask, startTestApp, type TestApp } from '../support';
import { ProbeModule } from '../support/probe';

const HERE = 'https://shop.example';
let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ imports: [ProbeModule] });
});
afterAll(() => app.close());

const corsOf = (headers: Headers): string[] => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

const preflight = (path: string, method = 'POST') =>
  ask(app, path, {
    method: 'OPTIONS',
    headers: { origin: HERE, 'access-control-request-method': method, 'access-control-request-headers': 'x-api-key' },
  });

describe('a preflight', () => {
  it('is answered for a route of browsers, to any origin, without credentials', async () => {
    const { status, headers } = await preflight('/probe/events');
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(HERE);
    expect(headers.get('access-control-allow-methods')).toBe('POST');
    expect(headers.get('access-control-allow-headers')).toMatch(/x-api-key.*idempotency-key.*content-encoding/);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toMatch(/Origin/);
  });

  it.each(['/probe/stats', '/projects', '/probe/nowhere', '/probe/events/more'])(
    'is not answered for %s',
    async (path) => {
      const { status, headers } = await preflight(path);
      expect([status, corsOf(headers)]).toEqual([404, []]);
    },
  );
});

describe('an answer', () => {
  const send = (key: string, origin: string, path = '/probe/events', body: unknown = {}) =>
    ask(app, path, { key, body, headers: { origin } });

  it('to a pub key can be read from any origin where the project lists none', async () => {
    const { keys } = await aProject(app);
    const { status, headers } = await send(keys.pub, HERE);
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, HERE]);
    expect(headers.get('access-control-expose-headers')).toMatch(/RateLimit.*Retry-After.*X-Request-Id/);
  });

  it('to a pub key is 403 from an origin that the project does not list, and not readable there', async () => {
    const { keys } = await aProject(app, { settings: { allowedOrigins: [HERE] } });
    expect((await send(keys.pub, HERE)).status).toBe(200);
    for (const origin of [
      'https://evil.example',
      'http://shop.example',
      'https://shop.example:8443',
      'null',
      '*',
      'x y',
    ]) {
      const { status, body, headers } = await send(keys.pub, origin);
      expect([status, body.code, corsOf(headers)]).toEqual([403, 'origin_not_allowed', []]);
    }
    expect((await ask(app, '/probe/events', { key: keys.pub, body: {} })).status).toBe(200);
  });

  it('to another kind of key is for no page', async () => {
    const { keys } = await aProject(app);
    for (const key of [keys.sec, keys.adm]) {
      const { status, headers } = await send(key, HERE);
      expect([status, corsOf(headers)]).toEqual([200, []]);
    }
  });

  it('that refuses a body can be read by the page that sent it', async () => {
    const { keys } = await aProject(app);
    const answer = await fetch(`${app.url}/api/v1/probe/events`, {
      method: 'POST',
      headers: { 'x-api-key': keys.pub, origin: HERE, 'content-type': 'application/json' },
      body: '{"cut":',
    });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([400, HERE]);
  });

  it('comes to a beacon, which can send no header, by ?key= with a pub key alone', async () => {
    const { keys } = await aProject(app);
    const beacon = (key: string, path = '/probe/events') =>
      ask(app, `${path}?key=${key}`, { body: {}, headers: { origin: HERE } });
    expect((await beacon(keys.pub)).status).toBe(200);
    expect((await beacon(keys.sec)).status).toBe(401);
    expect((await ask(app, `/probe/stats?key=${keys.pub}`)).status).toBe(401);
  });
});
