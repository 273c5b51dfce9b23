// Is what may be repeated repeated, with the same body, and is everything else said in one line?
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ApiClient, ApiFailure, inBatches, inLanes } from './client';

interface Answer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
  /** Breaks the connection instead. */
  broken?: boolean;
}

const ACCEPTED = '{"accepted":1,"duplicates":0,"filtered":[],"rejected":[],"warnings":[]}';
const EVENT = { id: '7f6d1c9e-6a53-4d0e-9a4b-0d6b3f2f8a11', name: 'pageview' };

let server: Server;
let url: string;
let answers: Answer[];
let seen: { at: number; request: IncomingMessage; body: string }[];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      seen.push({ at: Date.now(), request, body });
      const answer = answers.shift() ?? { status: 200, body: ACCEPTED };
      if (answer.broken === true) return request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      return response.end(answer.body ?? '');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  answers = [];
  seen = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const send = (patienceMs = 10_000, onWait?: (why: string, waitMs: number) => void) =>
  new ApiClient(
    { url, key: 'secret' },
    { projectId: 'p', patienceMs, ...(onWait === undefined ? {} : { onWait }) },
  ).sendEvents([EVENT]);

describe('a request', () => {
  it('carries key, project and events', async () => {
    expect(await send()).toMatchObject({ accepted: 1 });
    const [{ request, body }] = seen as [(typeof seen)[0]];
    expect([request.method, request.url, request.headers['x-api-key'], request.headers['x-project-id']]).toEqual([
      'POST',
      '/api/v1/events/batch',
      'secret',
      'p',
    ]);
    expect(JSON.parse(body)).toEqual({ events: [EVENT] });
  });

  it('is repeated unchanged after a broken connection, 429 and 503', async () => {
    answers = [{ status: 0, broken: true }, { status: 429 }, { status: 503 }];
    expect(await send()).toMatchObject({ accepted: 1 });
    expect(seen.length).toBe(4);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
  });

  it('waits for as long as the server says', async () => {
    answers = [{ status: 503, headers: { 'retry-after': '1' } }];
    const waits: number[] = [];
    await send(10_000, (_why, waitMs) => waits.push(waitMs));
    expect(waits).toEqual([1_000]);
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('ends when patience does', async () => {
    answers = Array.from({ length: 100 }, () => ({ status: 503 }));
    await expect(send(500)).rejects.toMatchObject({ status: 503 });
    expect(seen.length).toBeLessThan(5);
  });

  it('is not repeated where that would change nothing, and the problem is one line', async () => {
    answers = [
      {
        status: 400,
        body: '{"title":"The request is not valid","code":"invalid_input","errors":[{"path":"events","message":"must be a list"}]}',
      },
    ];
    await expect(send()).rejects.toEqual(
      new ApiFailure('the server answered 400 (The request is not valid: events must be a list)', 400, 'invalid_input'),
    );
    expect(seen.length).toBe(1);
  });

  it('is told once what the detail of a problem and its errors both say', async () => {
    const errors = '[{"path":"from","message":"must be before to"},{"path":"zone","message":"must be a time zone"}]';
    answers = [{ status: 400, body: `{"detail":"from: must be before to","code":"invalid_input","errors":${errors}}` }];
    await expect(send()).rejects.toThrow('the server answered 400 (from: must be before to: zone must be a time zone)');
  });
});

async function* upTo(count: number): AsyncGenerator<number> {
  for (let at = 0; at < count; at++) yield at;
}

describe('work in lanes', () => {
  it('does everything once, with so many at a time', async () => {
    const done: number[] = [];
    let under = 0;
    let most = 0;
    await inLanes(upTo(20), 3, async (item) => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setTimeout(resolve, 2));
      under -= 1;
      done.push(item);
    });
    expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(most).toBe(3);
  });

  it('takes nothing more after a failure, and waits for what is under way', async () => {
    let finished = 0;
    const work = async (item: number): Promise<void> => {
      if (item === 2) throw new Error('no');
      await new Promise((resolve) => setTimeout(resolve, 10));
      finished += 1;
    };
    await expect(inLanes(upTo(100), 2, work)).rejects.toThrow('no');
    expect(finished).toBeLessThan(5);
  });
});

it('makes batches that are small enough in number and size', async () => {
  const sizes: number[] = [];
  for await (const batch of inBatches(upTo(25), 10, 1_000)) sizes.push(batch.length);
  expect(sizes).toEqual([10, 10, 5]);
  const texts = (async function* () {
    for (let at = 0; at < 5; at++) yield 'x'.repeat(400);
  })();
  const bySize: number[] = [];
  for await (const batch of inBatches(texts, 10, 1_000)) bySize.push(batch.length);
  expect(bySize).toEqual([2, 2, 1]);
});
