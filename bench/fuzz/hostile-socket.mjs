// How does an attacker speak? In bytes of its own over a socket: whole answers come back, or how the connection ended without one.
import { once } from 'node:events';
import { connect } from 'node:net';

/** @typedef {{ status: number, headers: Map<string, string>, body: string }} Answer */

/** Sends bytes and reads until the server closes the connection, or nothing more is to come.
 *  @param pieces a text, bytes, or an iterable of them; a function of its own may wait in between
 *  @param until says that what came is enough, for connections that stay open
 *  @returns {Promise<{ answers: Answer[], closed: boolean, broken?: string, ms: number }>} */
export async function speak(port, pieces, { waitMs = 30_000, until = () => false, host = '127.0.0.1' } = {}) {
  const startedAt = performance.now();
  const socket = connect(port, host);
  let came = Buffer.alloc(0);
  let broken;
  let closed = false;
  const over = new Promise((resolve) => {
    const late = setTimeout(resolve, waitMs);
    const end = () => {
      clearTimeout(late);
      resolve();
    };
    socket.on('data', (piece) => {
      came = Buffer.concat([came, piece]);
      if (until(came.toString('latin1'))) end();
    });
    socket.on('error', (error) => (broken = error.code ?? error.message));
    socket.on('close', () => {
      closed = true;
      end();
    });
  });
  try {
    await Promise.race([once(socket, 'connect'), over]);
    const list = typeof pieces === 'string' || Buffer.isBuffer(pieces) ? [pieces] : pieces;
    for await (const piece of list) {
      if (socket.destroyed) break;
      // A server that answers before it has read all is heard, not written to against its will.
      if (!socket.write(piece)) await Promise.race([once(socket, 'drain').catch(() => undefined), over]);
    }
    await over;
  } finally {
    socket.destroy();
  }
  return {
    answers: answersIn(came),
    closed,
    ...(broken === undefined ? {} : { broken }),
    ms: performance.now() - startedAt,
  };
}

/** The answers in what came, one after the other; those to `Expect: 100-continue` are left out. */
export function answersIn(bytes) {
  const answers = [];
  let rest = bytes.toString('latin1');
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(rest) ?? [];
    if (end < 0 || status === undefined) return answers;
    const headers = new Map(
      rest
        .slice(0, end)
        .split('\r\n')
        .slice(1)
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    rest = rest.slice(end + 4);
    if (status.startsWith('1')) continue;
    const length = headers.has('content-length') ? Number(headers.get('content-length')) : undefined;
    const isEmpty = status === '204' || status === '304';
    const body = isEmpty ? '' : length === undefined ? rest : rest.slice(0, length);
    rest = rest.slice(body.length);
    answers.push({ status: Number(status), headers, body: Buffer.from(body, 'latin1').toString('utf8') });
  }
}

/** A request as text, up to its body. `null` leaves a header out that is there otherwise. */
export function head(method, path, headers = {}) {
  const all = { Host: 'localhost', Connection: 'close', ...headers };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}`),
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** A whole request with a body of known length. */
export const withBody = (method, path, headers, body) => {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  return [head(method, path, { 'Content-Length': String(bytes.length), ...headers }), bytes];
};

/** A body in chunks, without a length. */
export function* chunked(method, path, headers, pieces) {
  yield head(method, path, { 'Transfer-Encoding': 'chunked', ...headers });
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    yield Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
  }
  yield '0\r\n\r\n';
}
