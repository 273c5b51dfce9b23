// Is anybody cut off when the server is told to end? Asked of the real process, with requests in the middle of their answers.
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compiled } from '../../src/config/paths';
import { isAlive } from '../../src/embedded/leftover';
import { spawnServer, type SpawnedServer } from '../support';

// Every test starts servers of its own, which takes seconds on a machine that is busy.
jest.setTimeout(180_000);

/** A main of somebody's own: routes that take their time, added to the server without a change to it. */
const OWN_MAIN = `
const { createRequire } = require('node:module');
const { Controller, Get, Module, Param, Res } = createRequire(${JSON.stringify(compiled('main.js'))})('@nestjs/common');
const { Public } = require(${JSON.stringify(compiled('auth/decorators.js'))});
const { Lifecycle } = require(${JSON.stringify(compiled('platform/http/lifecycle.js'))});
const { serve } = require(${JSON.stringify(compiled('main.js'))});
class SlowController {
  constructor(lifecycle) { this.lifecycle = lifecycle; }
  async wait(ms) { await new Promise((done) => setTimeout(done, Number(ms))); return { waited: Number(ms) }; }
  stream(reply) {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
    reply.raw.write('data: begun\\n\\n');
    this.lifecycle.onDrain(() => reply.raw.end('data: end\\n\\n'));
  }
}
const get = (path, name, ...params) => {
  const descriptor = Object.getOwnPropertyDescriptor(SlowController.prototype, name);
  Get(path)(SlowController.prototype, name, descriptor);
  Public()(SlowController.prototype, name, descriptor);
  params.forEach((decorate, at) => decorate(SlowController.prototype, name, at));
};
get('wait/:ms', 'wait', Param('ms'));
get('stream', 'stream', Res());
Controller('slow')(SlowController);
Reflect.defineMetadata('design:paramtypes', [Lifecycle], SlowController);
class SlowModule {}
Module({ controllers: [SlowController] })(SlowModule);
void serve({ imports: [SlowModule] });
`;

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

const ask = (url: string, agent?: Agent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.once('error', reject);
    }).once('error', reject);
  });

describe('draining', () => {
  const folder = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
  const script = join(folder, 'main.cjs');
  writeFileSync(script, OWN_MAIN);
  let server: SpawnedServer;
  const start = async (env: Record<string, string> = {}): Promise<void> => {
    server = await spawnServer({ script, env: { LOG_LEVEL: 'info', ...env } });
  };
  afterEach(() => server.close());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('answers what is in flight, ends streams, takes requests during the delay, and exits with 0', async () => {
    await start({ DRAIN_DELAY_MS: '1500' });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(`${server.url}/health/live`, agent);
    const slow = ask(`${server.url}/api/v1/slow/wait/3000`);
    const stream = ask(`${server.url}/api/v1/slow/stream`);
    await sleep(300);

    const since = Date.now();
    const exit = server.kill('SIGTERM');
    await sleep(200);
    expect((await ask(`${server.url}/health/ready`)).status).toBe(503);
    const served = await ask(`${server.url}/health/live`, agent);
    expect(served.status).toBe(200);
    expect(served.headers.connection).toBe('close');

    expect(await slow).toMatchObject({ status: 200, body: '{"waited":3000}' });
    expect(await stream).toMatchObject({ status: 200, body: 'data: begun\n\ndata: end\n\n' });
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - since).toBeLessThan(10_000);
    agent.destroy();
  });

  it('ends within ten seconds though a request does not', async () => {
    await start();
    const stuck = ask(`${server.url}/api/v1/slow/wait/60000`).catch(() => 'cut off');
    await sleep(300);
    const since = Date.now();
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - since).toBeLessThan(10_000);
    expect(await stuck).toBe('cut off');
  });

  it('is forced by a second signal, and the stores end too', async () => {
    await start();
    const stuck = ask(`${server.url}/api/v1/slow/wait/60000`).catch(() => 'cut off');
    await sleep(300);
    const exit = server.kill('SIGTERM');
    await sleep(500);
    const since = Date.now();
    server.run.child.kill('SIGTERM');
    expect(await exit).toEqual({ code: 1, signal: null });
    expect(Date.now() - since).toBeLessThan(1_000);
    await stuck;
    expect(isAlive(server.pid)).toBe(false);
  });

  it('goes on when nobody reads its output any more', async () => {
    await start({ LOG_LEVEL: 'debug' });
    server.run.child.stdout?.destroy();
    server.run.child.stderr?.destroy();
    for (let at = 0; at < 20; at += 1) expect((await ask(`${server.url}/health/live`)).status).toBe(200);
    expect(server.run.child.exitCode).toBeNull();
  });
});
