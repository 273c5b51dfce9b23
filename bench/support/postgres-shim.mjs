// How does a trial stop time at a statement of Postgres? A proxy that sees statements go by and holds one, or its answer, until it is told to let go.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { atEnd } from './clean.mjs';

/** The end of an answer outside of a transaction: what was asked is committed. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** A proxy before a Postgres that asks for no encryption.
 *  @returns { url, watch(pattern, { before, after }) }: `before` is called as a statement like that arrives, before it is passed on,
 *    `after` when Postgres has committed it and before the answer is passed on. Only the next one is watched. */
export async function postgresShim(target) {
  const store = new URL(target);
  const open = new Set();
  let watched;
  const server = createServer((client) => {
    const up = connect({ host: store.hostname, port: Number(store.port || 5432), noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, up]) {
      open.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(socket);
          client.destroy();
          up.destroy();
        });
    }
    let after;
    let answer = Buffer.alloc(0);
    // One after the other, so that what follows a held piece can't overtake it.
    const inOrder = (handle) => {
      let last = Promise.resolve();
      return (chunk) => void (last = last.then(() => handle(chunk)).catch(() => client.destroy()));
    };
    const up$ = inOrder(async (chunk) => {
      if (watched !== undefined && watched.pattern.test(chunk.subarray(0, 2_048).toString('latin1'))) {
        const now = watched;
        watched = undefined;
        await now.before?.();
        after = now.after;
        answer = Buffer.alloc(0);
      }
      up.write(chunk);
    });
    const down$ = inOrder(async (chunk) => {
      if (after !== undefined) {
        answer = Buffer.concat([answer, chunk]);
        if (answer.includes(READY)) {
          const now = after;
          after = undefined;
          await now();
        }
      }
      client.write(chunk);
    });
    client.on('data', up$);
    up.on('data', down$);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.host = `127.0.0.1:${server.address().port}`;
  atEnd(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    url: url.href,
    watch: (pattern, { before, after }) => void (watched = { pattern, before, after }),
    forget: () => void (watched = undefined),
  };
}
