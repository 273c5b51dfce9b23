// How does a server fare when requests keep coming, whether or not it keeps up? Each is sent when its time has come, over raw keep-alive
// sockets, a new one where all are waiting: the sender does not slow down with the server, as the world does not.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './percentile.mjs';

const HEAD_END = Buffer.from('\r\n\r\n');

/** What became of the requests of a stretch of time. Latencies in milliseconds, from when each was due. */
export class OpenResult {
  offered = 0;
  /** Events that a 2xx accepted. */
  acknowledged = 0;
  /** @type {{ n: number, at: number, ms: number }[]} `n`: which request; `at`: seconds since the beginning, when it was due */
  served = [];
  /** 429 and 503 with Retry-After. */
  turnedAway = [];
  /** Other answers, by status. */
  strange = new Map();
  broken = 0;
  seconds = 0;

  /** @param list `served` or `turnedAway` @param from seconds */
  static percentile(list, share, from = 0, to = Infinity) {
    return percentile(
      list.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms),
      share,
    );
  }

  /** Answers, other than 2xx and a refusal that says when to come back. */
  get faults() {
    return [...this.strange.values()].reduce((sum, times) => sum + times, 0) + this.broken;
  }
}

/** Keep-alive sockets to servers, asked in turn. */
export class OpenLoad {
  #free;
  #turn = 0;
  #open = 0;

  /** @param {{ ports: number[], most?: number }} options `most`: sockets at most; a request for which there is none is broken */
  constructor({ ports, most = 4_000 }) {
    Object.assign(this, { ports, most });
    this.#free = new Map(ports.map((port) => [port, []]));
  }

  /** Offers `perSecond` requests for `seconds`, and waits for the last answer.
   *  @param {{ perSecond: number, seconds: number, request: (n: number) => { head: Buffer, body?: Buffer },
   *    acceptedOf?: (text: string) => number, onSecond?: (second: number) => void }} options
   *    `request`: bytes that may be used again as soon as it is asked for the next one
   *  @returns {Promise<OpenResult>} */
  async offer({ perSecond, seconds, request, acceptedOf = () => 0, onSecond = () => undefined }) {
    const result = new OpenResult();
    const startedAt = performance.now();
    const total = Math.round(perSecond * seconds);
    const waiting = [];
    let second = 0;
    for (let n = 0; n < total; n++) {
      const at = n / perSecond;
      const early = startedAt + at * 1_000 - performance.now();
      if (early > 1) await sleep(early);
      // A sender that is late sends what is due at once, but lets answers in now and then.
      else if (n % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (Math.floor(at) > second) onSecond((second = Math.floor(at)));
      result.offered += 1;
      waiting.push(this.#send(request(n), n, at, startedAt, acceptedOf, result));
      if (waiting.length > 10_000) await Promise.all(waiting.splice(0, 5_000));
    }
    result.seconds = (performance.now() - startedAt) / 1_000;
    await Promise.all(waiting);
    return result;
  }

  close() {
    for (const sockets of this.#free.values()) for (const socket of sockets) socket.destroy();
  }

  #send({ head, body }, n, at, startedAt, acceptedOf, result) {
    return new Promise((resolve) => {
      const port = this.ports[this.#turn++ % this.ports.length];
      const socket = this.#free.get(port).pop() ?? this.#dial(port);
      if (socket === undefined) {
        result.broken += 1;
        return resolve();
      }
      socket.answered = (status, head, text) => {
        const entry = { n, at, ms: performance.now() - startedAt - at * 1_000 };
        if (status >= 200 && status < 300) {
          result.served.push(entry);
          result.acknowledged += acceptedOf(text);
        } else if ((status === 429 || status === 503) && head.includes('\r\nretry-after: '))
          result.turnedAway.push(entry);
        else result.strange.set(status, (result.strange.get(status) ?? 0) + 1);
        resolve();
      };
      socket.failed = () => {
        result.broken += 1;
        resolve();
      };
      socket.cork();
      // A copy: the bytes are made new for the next request while these may still wait for the wire.
      socket.write(body === undefined ? head : Buffer.concat([head, body]));
      socket.uncork();
    });
  }

  #dial(port) {
    if (this.#open >= this.most) return undefined;
    this.#open += 1;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let chunks = [];
    let length = 0;
    let end = -1;
    let head = '';
    let headEnd = -1;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (end < 0) {
        if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
        headEnd = chunks[0].indexOf(HEAD_END);
        if (headEnd < 0) return;
        head = chunks[0].toString('latin1', 0, headEnd).toLowerCase();
        end = headEnd + 4 + Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
      }
      if (length < end) return;
      const text = Buffer.concat(chunks).toString('utf8', headEnd + 4, end);
      const { answered } = socket;
      chunks = [];
      length = 0;
      end = -1;
      socket.answered = undefined;
      if (answered === undefined) return socket.destroy();
      if (head.includes('\r\nconnection: close')) socket.end();
      else this.#free.get(port).push(socket);
      answered(Number(head.slice(9, 12)), head, text);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#open -= 1;
      const free = this.#free.get(port);
      const at = free.indexOf(socket);
      if (at >= 0) free.splice(at, 1);
      if (socket.answered !== undefined) socket.failed();
    });
    return socket;
  }
}

/** Head of a request. @param {{ path: string, key: string, length?: number }} request `length`: of its body, none: a question */
export const headOf = ({ path, key, length }) =>
  Buffer.from(
    length === undefined
      ? `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${key}\r\n\r\n`
      : `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
  );
