// How does a request leave just as it was made up? By node:http, which neither mends paths nor adds headers; a stream is left after its first message.
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
/** A busy machine may be slow; a server that says nothing for so long hangs. */
const PATIENCE_MS = 120_000;
/** Of an endless answer, this much is read. */
const STREAM_MS = 300;

/** Percent-encodes a text for a path or a query; half a surrogate pair as the three bytes that careless programs make of it.
 *  @param {unknown} text */
export const encoded = (text) =>
  [...String(text)]
    .map((character) => {
      const code = character.codePointAt(0);
      if (code < 0xd800 || code > 0xdfff) return encodeURIComponent(character);
      const bytes = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
      return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
    })
    .join('');

/** A header that node:http takes: what it does not is percent-encoded. */
export const headerText = (text) =>
  String(text).replaceAll(/[^\t\x20-\x7e\x80-\xff]/gu, (character) => encoded(character));

/** Sends one request as it is.
 *  @param {string} origin
 *  @param {{ method: string, target: string, headers: Record<string, string>, body?: string | Uint8Array }} sent `target` is the path with its query
 *  @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer, ms: number }>} status 0 where no answer came, with the reason as body */
export async function send(origin, sent) {
  const first = await once(origin, sent);
  // A connection that was kept may have been closed at the moment of writing; a fault of the server shows again on a new one.
  return first.status === 0 ? once(origin, sent) : first;
}

function once(origin, { method, target, headers, body }) {
  const { hostname, port } = new URL(origin);
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const done = (status, answered, text) =>
      resolve({ status, headers: answered, body: text, ms: performance.now() - startedAt });
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const asked = request(
      { agent, hostname, port, method, path: target, headers: { ...length, ...headers }, timeout: PATIENCE_MS },
      (answer) => {
        const chunks = [];
        const ended = () => done(answer.statusCode, answer.headers, Buffer.concat(chunks));
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.once('end', ended);
        answer.once('error', (error) => done(0, {}, Buffer.from(`the answer was cut: ${error.message}`)));
        if (!String(answer.headers['content-type']).startsWith('text/event-stream')) return;
        setTimeout(() => {
          answer.removeAllListeners('error').on('error', () => {});
          ended();
          answer.destroy();
        }, STREAM_MS);
      },
    );
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${PATIENCE_MS / 1_000} s`)));
    asked.on('error', (error) => done(0, {}, Buffer.from(error.message)));
    asked.end(body);
  });
}

/** Ends the connections that are kept. */
export const hangUp = () => agent.destroy();
