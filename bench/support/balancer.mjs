// Who stands before several API processes on one machine? A small proxy: in turn to those that say they are ready, for trying and for tests.
import { Agent, createServer, get, request } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Events are taken while ClickHouse is away, so its absence takes nobody out. */
const PROBE = '/health/ready?exclude=clickhouse';
const PROBE_EVERY_MS = 200;
/** A process that is busy is not one that is gone. */
const PROBE_LIMIT_MS = 5_000;
/** Where nobody is ready, a request waits for somebody to be, as nothing of it was sent. */
const WAIT_LIMIT_MS = 10_000;
const LOOK_EVERY_MS = 20;
/** Headers that are of one connection, not of a request. */
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'te']);

/** A proxy on a port of its own. */
export class Balancer {
  #targets;
  #server;
  #turn = 0;
  #closed = false;
  #agent = new Agent({ keepAlive: true, scheduling: 'lifo', noDelay: true });
  /** Requests that went to nobody, or whose answer broke off. */
  failed = 0;

  /** @param {{ targets: string[], port?: number, host?: string }} options origins; 0: a free port
   *  @returns {Promise<Balancer>} one that listens, and knows who is ready */
  static async start({ targets, port = 0, host = '127.0.0.1' }) {
    const balancer = new Balancer();
    balancer.#targets = targets.map((url) => ({ url: new URL(url), isReady: false }));
    balancer.#server = createServer((incoming, outgoing) => void balancer.#forward(incoming, outgoing));
    balancer.#server.requestTimeout = 0;
    // Longer than clients keep a connection that they do not use.
    balancer.#server.keepAliveTimeout = 75_000;
    balancer.#server.listen(port, host);
    await once(balancer.#server, 'listening');
    balancer.port = balancer.#server.address().port;
    balancer.url = `http://127.0.0.1:${balancer.port}`;
    await Promise.all(balancer.#targets.map((target) => balancer.#probe(target)));
    for (const target of balancer.#targets) void balancer.#watch(target);
    return balancer;
  }

  /** Origins of those that are ready. */
  get ready() {
    return this.#targets.filter(({ isReady }) => isReady).map(({ url }) => url.origin);
  }

  async close() {
    this.#closed = true;
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  async #watch(target) {
    while (!this.#closed) {
      await sleep(PROBE_EVERY_MS, undefined, { ref: false });
      await this.#probe(target);
    }
  }

  #probe(target) {
    return new Promise((resolve) => {
      const say = (isReady) => {
        target.isReady = isReady;
        resolve();
      };
      const probe = get(new URL(PROBE, target.url), { agent: false, timeout: PROBE_LIMIT_MS }, (answer) => {
        answer.resume();
        say(answer.statusCode === 200);
      });
      probe.on('timeout', () => probe.destroy());
      probe.on('error', () => say(false));
    });
  }

  #next(tried) {
    const able = this.#targets.filter((target) => target.isReady && !tried.has(target));
    this.#turn += 1;
    return able[this.#turn % able.length];
  }

  /** What was sent is not sent again: whether it was done, only its sender can find out. A connection that could not be made is another
   *  matter. */
  async #forward(incoming, outgoing, tried = new Set()) {
    let target = this.#next(tried);
    for (const since = performance.now(); target === undefined && !outgoing.destroyed; target = this.#next(new Set())) {
      if (performance.now() - since > WAIT_LIMIT_MS) return this.#refuse(outgoing, 503, 'no process is ready');
      await sleep(LOOK_EVERY_MS);
    }
    if (target === undefined) return;
    const { hostname, port } = target.url;
    const headers = [...ofTheRequest(incoming.rawHeaders), 'x-forwarded-for', forwardedFor(incoming)];
    const proxied = request({
      hostname,
      port,
      agent: this.#agent,
      method: incoming.method,
      path: incoming.url,
      headers,
    });
    let isSent = false;
    const send = () => {
      isSent = true;
      incoming.pipe(proxied);
    };
    proxied.on('socket', (socket) => (socket.connecting ? socket.once('connect', send) : send()));
    proxied.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode, answer.statusMessage, ofTheRequest(answer.rawHeaders));
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    proxied.on('error', () => {
      if (outgoing.destroyed) return;
      if (!isSent) {
        target.isReady = false;
        return void this.#forward(incoming, outgoing, new Set([...tried, target]));
      }
      if (outgoing.headersSent) {
        this.failed += 1;
        outgoing.destroy();
      } else this.#refuse(outgoing, 502, 'the process ended before it answered');
    });
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) proxied.destroy();
    });
  }

  #refuse(outgoing, status, title) {
    this.failed += 1;
    outgoing.writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': '1', connection: 'close' });
    outgoing.end(JSON.stringify({ title, status }));
  }
}

/** Name and value in turn, without those of the connection and those that say for whom it is sent. */
function ofTheRequest(raw) {
  const kept = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    if (!OF_THE_CONNECTION.has(name) && name !== 'x-forwarded-for') kept.push(raw[at], raw[at + 1]);
  }
  return kept;
}

const forwardedFor = ({ headers, socket }) =>
  [headers['x-forwarded-for'], socket.remoteAddress].filter((address) => address !== undefined).join(', ');
