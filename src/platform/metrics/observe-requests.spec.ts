// Are requests counted under their route's template, and nobody's guess under a name of its own?
import Fastify, { type FastifyInstance } from 'fastify';
import { Metrics } from './metrics';
import { observeRequests } from './observe-requests';

describe('observeRequests', () => {
  let server: FastifyInstance;
  let metrics: Metrics;

  beforeEach(() => {
    server = Fastify();
    metrics = new Metrics();
    server.get('/things/:id', () => ({ ok: true }));
    server.get('/broken', () => {
      throw new Error('no');
    });
    // After the routes, as a framework may do it.
    observeRequests(server, metrics);
  });

  afterEach(() => server.close());

  const counted = async () => {
    const { values } = await metrics.httpRequestSeconds.get();
    return values
      .filter(({ metricName }) => metricName === 'millrace_http_request_seconds_count')
      .map(({ labels, value }) => `${labels.method} ${labels.route} ${labels.status}: ${value}`)
      .sort();
  };

  it('counts by template, method and status', async () => {
    await server.inject('/things/1');
    await server.inject('/things/2');
    await server.inject('/broken');
    expect(await counted()).toEqual(['GET /broken 500: 1', 'GET /things/:id 200: 2']);
  });

  it('puts everything that no route stands for under one label', async () => {
    await server.inject('/wp-login.php');
    await server.inject({ method: 'DELETE', url: '/things/1' });
    expect(await counted()).toEqual(['any unmatched 404: 2']);
  });

  it('counts keys that do not work, and limits that were reached, by who reached them', async () => {
    server.get('/locked', (_request, reply) => reply.code(401).send());
    server.get('/full', (request, reply) => {
      if (request.headers['x-api-key'] !== undefined) Object.assign(request, { auth: {} });
      return reply.code(429).send();
    });
    const headers = { 'x-api-key': 'mr_sec_x' };
    await server.inject('/locked');
    await server.inject({ url: '/locked', headers });
    await server.inject('/full');
    await server.inject({ url: '/full', headers });
    expect((await metrics.unknownKeys.get()).values[0]?.value).toBe(1);
    expect((await metrics.throttledRequests.get()).values).toMatchObject([
      { labels: { limit: 'address' }, value: 1 },
      { labels: { limit: 'project' }, value: 1 },
    ]);
  });

  it('has no request in flight when all are answered', async () => {
    await Promise.all([server.inject('/things/1'), server.inject('/nothing')]);
    await new Promise((resolve) => setImmediate(resolve));
    expect((await metrics.httpRequestsInFlight.get()).values[0]?.value).toBe(0);
  });
});
