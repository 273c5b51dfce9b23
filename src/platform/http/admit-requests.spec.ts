// What does a client see at the door? A server of routes that wait until they are told, asked over real connections.
import Fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import pino from 'pino';
import { gzipSync } from 'node:zlib';
import { admitRequests, countBodies } from './admit-requests';
import { installBodyParsers } from './request-body';

const MB = 1_048_576;
let server: FastifyInstance;
let port: number;
let release: () => void;
let refusals: string[];

beforeEach(async () => {
  server = Fastify();
  const env = {
    ADMIT_EVENT_REQUESTS: 4,
    ADMIT_OTHER_REQUESTS: 3,
    ADMIT_EVENT_MB: 1,
    ADMIT_DELAY_MS: 500,
    QUERY_TIMEOUT_MS: 10_000,
  };
  admitRequests(server, env, pino({ level: 'silent' }));
  installBodyParsers(server);
  countBodies(server);
  refusals = [];
  server.admission.onRefused = (share, reason) => refusals.push(`${share} ${reason}`);
  const released = new Promise<void>((resolve) => (release = resolve));
  const wait = async (): Promise<string> => {
    await released;
    return 'done';
  };
  server.post('/events', { config: { rawBodyBytes: 10 * MB } }, wait);
  server.get('/question', wait);
  server.get('/health', { config: { admission: 'free' } }, () => 'well');
  await server.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = server.server.address() as AddressInfo);
});
afterEach(async () => {
  release();
  server.server.closeAllConnections();
  await server.close();
});

const url = (path: string): string => `http://127.0.0.1:${port}${path}`;
const send = (body: string | Buffer = '{}', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url('/events'), { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
const until = async (test: () => boolean): Promise<void> => {
  for (let tries = 0; !test() && tries < 1_000; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(test()).toBe(true);
};
const ingest = () => server.admission.standing('ingest');

it('answers at once, with a time to come back, what finds no place', async () => {
  const taken = Array.from({ length: 4 }, () => send());
  await until(() => ingest().inWork === 4);
  const answer = await send();
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(await answer.json()).toMatchObject({ code: 'overloaded', status: 503, instance: '/events' });
  expect(refusals).toEqual(['ingest requests']);
  release();
  for (const one of taken) expect((await one).status).toBe(200);
  expect(ingest()).toMatchObject({ inWork: 0, bytes: 0 });
});

it('answers probes and questions while events find no place', async () => {
  const taken = Array.from({ length: 4 }, () => send());
  await until(() => ingest().inWork === 4);
  const question = fetch(url('/question'));
  expect(await (await fetch(url('/health'))).text()).toBe('well');
  await until(() => server.admission.standing('reads').inWork === 1);
  release();
  expect((await question).status).toBe(200);
  await Promise.all(taken);
});

/** Sends a head and a body of 5 MB, then asks for /health on the same connection. @returns all that came back */
const sendThenAsk = async (line: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1');
  const body = 'x'.repeat(5 * MB);
  socket.write(`${line}\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
  socket.write(body);
  socket.write('GET /health HTTP/1.1\r\nhost: a\r\n\r\n');
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => said.endsWith('well'));
  socket.destroy();
  return said;
};

it('does not read the body of a request that it refuses, and goes on with the connection', async () => {
  const taken = Array.from({ length: 4 }, () => send());
  await until(() => ingest().inWork === 4);
  const said = await sendThenAsk('POST /events HTTP/1.1\r\ncontent-type: application/json');
  expect(said).toMatch(/^HTTP\/1\.1 503 /);
  expect(server.admission.bytes).toBeLessThan(100);
  release();
  await Promise.all(taken);
});

it('goes on with a connection that brought a body which nobody reads', async () => {
  release();
  expect(await sendThenAsk('POST /events HTTP/1.1\r\ncontent-type: image/png')).toMatch(/^HTTP\/1\.1 415 /);
  expect(await sendThenAsk('GET /question HTTP/1.1')).toMatch(/^HTTP\/1\.1 200 /);
  expect(server.admission.bytes).toBe(0);
});

it('counts a compressed body by what it becomes', async () => {
  const body = gzipSync(JSON.stringify({ long: 'a'.repeat(200_000) }));
  const answer = send(body, { 'content-encoding': 'gzip' });
  await until(() => ingest().bytes > 200_000);
  release();
  expect((await answer).status).toBe(200);
  expect(server.admission.bytes).toBe(0);
});

it('gives the place of a body back whose sender goes away, or that can not be read', async () => {
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\nabc');
  await until(() => ingest().bytes === 3);
  socket.destroy();
  await until(() => ingest().inWork === 0 && server.admission.bytes === 0);
  expect((await send('x', { 'content-type': 'image/png' })).status).toBe(415);
  expect((await send(Buffer.from('no gzip'), { 'content-encoding': 'gzip' })).status).toBe(400);
  await until(() => ingest().inWork === 0 && server.admission.bytes === 0);
});

it('keeps the place of work whose sender went away', async () => {
  const gone = new AbortController();
  const sent = fetch(url('/events'), {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
    signal: gone.signal,
  });
  await until(() => ingest().inWork === 1 && ingest().bytes === 2);
  gone.abort();
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(ingest().inWork).toBe(1);
  release();
  await until(() => ingest().inWork === 0);
});

it('lets slow bodies keep nobody out, and gives the oldest up when memory is short', async () => {
  const slow = Array.from({ length: 4 }, () => connect(port, '127.0.0.1'));
  const said = slow.map(() => '');
  for (const [at, socket] of slow.entries()) {
    socket.setEncoding('utf8').on('data', (text: string) => (said[at] += text));
    socket.on('error', () => undefined);
    socket.write(
      'POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\n',
    );
    socket.write('x'.repeat(100_000));
    await until(() => server.admission.bytes === 100_000 * (at + 1));
  }
  await until(() => ingest().inWork === 0);
  release();
  expect((await send()).status).toBe(200);

  const [first, ...rest] = slow as [Socket, ...Socket[]];
  const closed = once(first, 'close');
  for (const socket of rest) socket.write('x'.repeat(3 * MB));
  await closed;
  expect(said[0]).toMatch(/^HTTP\/1\.1 503 [\s\S]*"code":"overloaded"/);
  expect(said[0]).toMatch(/retry-after: \d/i);
  expect(refusals).toContain('ingest slow_body');
  expect(server.admission.bytes).toBeLessThanOrEqual(10 * MB);
  for (const socket of slow) socket.destroy();
  await until(() => server.admission.bytes === 0);
});
