// What does every route have in common? Ids, headers and the shape of errors, asked of the real server.
import { Body, Controller, Delete, Get, Module, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Public } from '../../src/auth/decorators';
import { storeUnavailable } from '../../src/common/problem';
import { startTestApp, type TestApp } from '../support';

class PartDto {
  @IsInt()
  size!: number;
}

class ProbeDto {
  @IsString()
  name!: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => PartDto)
  part?: PartDto;
}

class ProbeQuery {
  @IsOptional()
  @IsString()
  word?: string;
}

@Controller('probe')
@Public()
class ProbeController {
  @Post()
  create(@Body() body: ProbeDto): ProbeDto {
    return body;
  }

  @Delete('part')
  remove(): { removed: true } {
    return { removed: true };
  }

  @Get()
  list(@Query() query: ProbeQuery): ProbeQuery {
    return query;
  }

  @Get('broken')
  broken(): never {
    throw new Error('secret inside');
  }

  @Get('away')
  away(): never {
    throw storeUnavailable({ retryAfterSeconds: 2 });
  }

  @Get('endless')
  endless(): StreamableFile {
    const piece = Buffer.alloc(65_536, 0x20);
    return new StreamableFile(
      Readable.from(
        (function* () {
          for (;;) yield piece;
        })(),
      ),
    );
  }

  @Get('late')
  async late(): Promise<{ late: boolean }> {
    await sleep(1_500);
    return { late: true };
  }

  @Get('of/:id')
  one(@Param('id') id: string): { id: string } {
    return { id };
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

let server: TestApp;
beforeAll(async () => {
  server = await startTestApp({ imports: [ProbeModule], env: { LOG_LEVEL: 'silent' } });
});
afterAll(() => server.close());

const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(`${server.url}${path}`, init);
const send = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  ask('/api/v1/probe', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

/** Sends bytes as they are. @returns all that came back */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    socket.once('end', () => resolve(answer));
    socket.once('error', reject);
  });

/** Sends a head and a body in pieces, and reads only when all of it is sent, as simple clients do. @returns all that came back */
async function sentThenRead(head: string, body: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  // Before anything is read: a paused socket reads nothing ahead.
  socket.pause();
  const failed = new Promise<never>((_, reject) => socket.once('error', reject));
  const write = (piece: string): Promise<void> =>
    Promise.race([failed, new Promise<void>((resolve) => socket.write(piece, () => resolve()))]);
  await write(head);
  for (let at = 0; at < body.length; at += 65_536) await write(body.slice(at, at + 65_536));
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
  const ended = new Promise<void>((resolve) => socket.once('end', () => resolve()));
  socket.resume();
  await Promise.race([failed, ended]);
  return answer;
}

describe('request ids', () => {
  it('takes a plain one from the caller, also on errors', async () => {
    for (const path of ['/api/v1/probe', '/nowhere', '/api/v1/probe/broken', '/%zz'])
      expect((await ask(path, { headers: { 'x-request-id': 'abc-1.2_3' } })).headers.get('x-request-id')).toBe(
        'abc-1.2_3',
      );
  });

  it('makes one where the given one is long or holds other characters', async () => {
    for (const given of ['a'.repeat(129), 'a b', 'a;b']) {
      const made = (await ask('/api/v1/probe', { headers: { 'x-request-id': given } })).headers.get('x-request-id');
      expect(made).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe('problems', () => {
  const shape = async (answer: Response, status: number, code: string): Promise<Record<string, unknown>> => {
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const body = (await answer.json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      type: `urn:millrace:problem:${code}`,
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(answer.status).toBe(status);
    expect(body['requestId']).toBe(answer.headers.get('x-request-id'));
    return body;
  };

  it('says 404 where there is no route, under the prefix and beside it', async () => {
    expect(await shape(await ask('/api/v1/nothing?x=1'), 404, 'not_found')).toMatchObject({
      instance: '/api/v1/nothing',
    });
    await shape(await ask('/nothing'), 404, 'not_found');
    await shape(await ask('/api/v1/probe', { method: 'DELETE' }), 404, 'not_found');
  });

  it('names every fault of an input with path and code', async () => {
    const body = await shape(await send('{"part":{"size":"1"},"other":1}'), 400, 'invalid_input');
    const errors = body['errors'] as { path: string; code: string }[];
    expect(errors.map(({ path, code }) => `${path} ${code}`).toSorted()).toEqual([
      'name is_string',
      'other unknown_field',
      'part.size is_int',
    ]);
  });

  it.each([
    ['not JSON', '{"name":', {}, 400, 'unreadable_body'],
    ['empty, where a field is required', '', {}, 400, 'invalid_input'],
    ['a prototype', '{"name":"a","__proto__":{"x":1}}', {}, 400, 'unreadable_body'],
    ['a constructor', '{"name":"a","constructor":{"prototype":{"x":1}}}', {}, 400, 'unreadable_body'],
    ['another type', 'name=a', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    ['too large', JSON.stringify({ name: 'a'.repeat(1_100_000) }), {}, 413, 'body_too_large'],
    ['no object', '[]', {}, 400, 'invalid_input'],
    ['null', 'null', {}, 400, 'invalid_input'],
    ['a string', '"text"', {}, 400, 'invalid_input'],
    ['deeper than any stack', `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, {}, 400, 'invalid_input'],
    [
      'wider than can be checked',
      `{${Array.from({ length: 60_000 }, (_, at) => `"k${at}":1`).join()}}`,
      {},
      400,
      'invalid_input',
    ],
  ] as const)('refuses a body that is %s', async (_what, body, headers, status, code) => {
    expect(await shape(await send(body, headers), status, code)).toHaveProperty('instance', '/api/v1/probe');
  });

  it('needs no body where the route reads none, whatever type is named', async () => {
    const removed = await ask('/api/v1/probe/part', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
    });
    expect([removed.status, await removed.json()]).toEqual([200, { removed: true }]);
  });

  it('is heard by who sends all of a body that is too large before it reads, and waits for no body without end', async () => {
    for (const megabytes of [2, 6, 12]) {
      const body = ' '.repeat(megabytes * 1_048_576);
      const head = `Host: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`;
      expect(await sentThenRead(`POST /api/v1/probe HTTP/1.1\r\n${head}\r\n\r\n`, body)).toMatch(/^HTTP\/1\.1 413 /);
    }
    const since = Date.now();
    const endless = 'Host: a\r\nContent-Type: application/json\r\nContent-Length: 10000000000';
    expect(await raw(`POST /api/v1/probe HTTP/1.1\r\n${endless}\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(Date.now() - since).toBeLessThan(4_000);
  });

  it('refuses a body that is no UTF-8', async () => {
    const answer = await ask('/api/v1/probe', {
      method: 'POST',
      body: Buffer.from('{"name":"M\u00fcller"}', 'latin1'),
      headers: { 'content-type': 'application/json' },
    });
    expect(await shape(answer, 400, 'unreadable_body')).toHaveProperty('instance', '/api/v1/probe');
  });

  it('refuses a parameter that is given twice', async () => {
    const body = await shape(await ask('/api/v1/probe?word=a&word=b'), 400, 'invalid_input');
    expect(body['errors']).toEqual([{ path: 'word', code: 'repeated', message: expect.any(String) }]);
    expect((await ask('/api/v1/probe?word=a')).status).toBe(200);
    await shape(await ask('/api/v1/probe?other=a'), 400, 'invalid_input');
  });

  it('answers a path that cannot be decoded', async () => {
    expect(await shape(await ask('/api/v1/probe/of/%ff'), 400, 'invalid_input')).not.toHaveProperty('errors');
    await shape(await ask(`/api/v1/probe/of/${'x'.repeat(600)}`), 414, 'uri_too_long');
  });

  it('lets nothing of an unforeseen error out', async () => {
    const answer = await ask('/api/v1/probe/broken');
    const body = await shape(answer, 500, 'internal_error');
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('says when to come back', async () => {
    const answer = await ask('/api/v1/probe/away');
    await shape(answer, 503, 'store_unavailable');
    expect(answer.headers.get('retry-after')).toBe('2');
  });

  it('answers what is not HTTP, or has too large headers', async () => {
    expect(await raw('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 4\d\d .*application\/problem\+json/s);
    const big = await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`);
    expect(big).toMatch(/^HTTP\/1\.1 431 /);
    expect(big).toContain('"code":"headers_too_large"');
  });

  it('answers a request without Host like any other that is wrong', async () => {
    const answer = await raw('GET /api/v1/probe HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"bad_request"/s);
    expect(await raw('GET /api/v1/probe HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('answers an expectation that it has not with a problem', async () => {
    const answer = await raw('GET /api/v1/probe HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 417 .*application\/problem\+json.*"instance":"\/api\/v1\/probe"/s);
  });

  it('answers in order, and whole, where what follows a request is not HTTP', async () => {
    const body = '{"name":"first"}';
    const answers = await raw(
      `POST /api/v1/probe HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}NONSENSE\r\n\r\n`,
    );
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201', expect.stringMatching(/ 40[05]$/)]);
    expect(answers).toContain('{"name":"first"}HTTP/1.1');
  });
});

describe('headers', () => {
  it('keeps answers out of caches and frames, and hides what serves them', async () => {
    const { headers } = await ask('/api/v1/probe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('answers no TRACE', async () => {
    expect(await raw('TRACE /api/v1/probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 40[45] /,
    );
  });
});

describe('connections', () => {
  const STALLED_MS = 1_000;
  let http: Server;
  let usualMs: number;
  beforeAll(() => {
    http = server.app.getHttpServer();
    usualMs = http.timeout;
    http.setTimeout(STALLED_MS);
  });

  const connected = (path: string): Socket => {
    const { port } = new URL(server.url);
    return connect(Number(port), '127.0.0.1', function begin(this: Socket) {
      this.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    });
  };
  const openOnes = (): Promise<number> =>
    new Promise((resolve, reject) => http.getConnections((error, count) => (error ? reject(error) : resolve(count))));

  it('are cut where nothing of an answer is taken', async () => {
    const before = await openOnes();
    const socket = connected('/api/v1/probe/endless');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('readable', resolve));
    expect(await openOnes()).toBe(before + 1);
    for (let waited = 0; waited < 300 && (await openOnes()) > before; waited += 1) await sleep(100);
    expect(await openOnes()).toBe(before);
    expect(usualMs).toBe(60_000);
    socket.destroy();
  });

  it('are kept where little is taken now and then, and where an answer takes its time', async () => {
    const socket = connected('/api/v1/probe/endless');
    let closed = false;
    socket.on('error', () => undefined).once('close', () => (closed = true));
    await new Promise((resolve) => socket.once('readable', resolve));
    const late = ask('/api/v1/probe/late');
    for (let turn = 0; turn < 10; turn += 1) {
      for (let taken = 0; taken < 8_000_000;) taken += (socket.read() as Buffer | null)?.length ?? (await sleep(1), 0);
      await sleep(STALLED_MS / 4);
    }
    expect(closed).toBe(false);
    expect(await (await late).json()).toEqual({ late: true });
    socket.destroy();
  });
});
