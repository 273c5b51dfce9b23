// How fast are requests answered? Raw keep-alive sockets, each sending its next request once the last is answered: the generator
// shares the machine with the server, so it must cost next to nothing.
import { connect } from 'node:net';
import { percentile } from './percentile.mjs';

const HEAD_END = Buffer.from('\r\n\r\n');

/** What a load did. Latencies in milliseconds, sorted. */
export class LoadResult {
  requests = 0;
  /** Events that were answered 2xx as accepted. */
  acknowledged = 0;
  non2xx = 0;
  broken = 0;
  seconds = 0;
  latencies = [];

  get rate() {
    return this.acknowledged / this.seconds;
  }

  percentile(share) {
    return percentile(this.latencies, share);
  }
}

/** Sends bodies over `connections` sockets for `seconds`.
 *  @param {{ port: number, path: string, key: string, bodies: (lane: number) => import('./events.mjs').Body[],
 *    acceptedOf: (text: string, events: number) => number, seconds: number, connections: number }} options
 *    `bodies` gives each lane its own, which it sends in turn */
export async function runLoad({ port, path, key, bodies, acceptedOf, seconds, connections }) {
  const result = new LoadResult();
  const prepared = Array.from({ length: connections }, (_, lane) =>
    bodies(lane).map((body) => ({ body, head: headOf(path, key, body.bytes.length) })),
  );
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  await Promise.all(prepared.map((own) => runLane({ port, own, until, acceptedOf, result })));
  result.seconds = (performance.now() - startedAt) / 1000;
  return result;
}

const headOf = (path, key, length) =>
  Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
  );

/** One connection after another, one request after another, until the time is over. */
async function runLane(lane) {
  for (let turn = 0; performance.now() < lane.until;) turn = await runConnection(lane, turn);
}

/** @returns how many requests the lane has sent so far */
function runConnection({ port, own, until, acceptedOf, result }, turn) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let received = Buffer.alloc(0);
    let sentAt = 0;
    let current;

    const send = () => {
      if (performance.now() >= until) return socket.end();
      current = own[turn % own.length];
      turn += 1;
      current.body.renew();
      sentAt = performance.now();
      socket.cork();
      socket.write(current.head);
      socket.write(current.body.bytes);
      socket.uncork();
    };
    const answered = (status, text, closes) => {
      result.latencies.push(performance.now() - sentAt);
      result.requests += 1;
      if (status >= 200 && status < 300) result.acknowledged += acceptedOf(text, current.body.events);
      else result.non2xx += 1;
      current = undefined;
      if (closes) socket.end();
      else send();
    };

    socket.on('connect', send);
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const headEnd = received.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = received.toString('latin1', 0, headEnd).toLowerCase();
      const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
      const end = headEnd + 4 + length;
      if (received.length < end) return;
      const text = received.toString('utf8', headEnd + 4, end);
      received = Buffer.alloc(0);
      answered(Number(head.slice(9, 12)), text, head.includes('\r\nconnection: close'));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (current !== undefined) result.broken += 1;
      resolve(turn);
    });
  });
}
