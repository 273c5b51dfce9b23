// Does anybody still take what is sent? A connection whose client takes nothing of its answer is cut, so that it holds no place for ever.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** So long nothing of an answer may be taken. Who takes a little of it now and then is not cut: a slow line is no fault. */
export const STALLED_MS = 60_000;

/** Watches the connections of a server. Call it before the server listens.
 *  TRICKY: Node tells of a connection where nothing happened, whatever the reason, and leaves it alone once somebody listens. An answer that
 *  is still being worked on may take as long as it needs; a stream of events writes a heartbeat more often than this, and has limits of its own.
 *  @param server its `timeout` is the time that is waited */
export function cutStalledReaders(server: Server): void {
  server.setTimeout(STALLED_MS);
  const answers = new WeakMap<Socket, ServerResponse>();
  server.prependListener('request', (request, response) => answers.set(request.socket, response));
  server.on('timeout', (socket) => {
    const answer = answers.get(socket);
    const isWorking = answer !== undefined && !answer.writableFinished && socket.writableLength === 0;
    if (!isWorking) socket.destroy();
  });
}
