// Who is slow, and does anybody else feel it? Hundreds of sockets that send a byte a second, and readers that take nothing of a large download.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { head } from './hostile-socket.mjs';
import { newId } from '../support/events.mjs';
import { percentile } from '../support/percentile.mjs';

const PATIENCE_MS = 60_000;

/** A socket that sends `first`, then a byte now and then, until the server has had enough. */
function slow(port, first, everyMs) {
  const startedAt = performance.now();
  const socket = connect(port, '127.0.0.1', () => socket.write(first));
  const timer = setInterval(() => socket.writable && socket.write('a'), everyMs);
  let said = '';
  socket.setEncoding('latin1').on('data', (piece) => (said += piece));
  socket.on('error', () => undefined);
  const ended = new Promise((resolve) => {
    socket.once('close', () => {
      clearInterval(timer);
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(said)?.[1] ?? 0), ms: performance.now() - startedAt });
    });
  });
  return { ended, end: () => socket.destroy() };
}

/** Asks for a download and reads nothing of it, or reads all of it slowly. */
function reader(port, key, paused) {
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(head('GET', '/api/v1/events/export?format=ndjson&period=all', { 'X-API-Key': key })),
  );
  let came = 0;
  let closed = false;
  socket.on('data', (piece) => {
    came += piece.length;
    if (paused) socket.pause();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  return {
    get came() {
      return came;
    },
    get closed() {
      return closed;
    },
    end: () => socket.destroy(),
  };
}

export const slowClients = {
  number: 35,
  name: 'slow',
  async run(world) {
    const { port, short } = world;
    const sec = { 'X-API-Key': world.project.sec, 'Content-Type': 'application/json' };
    const before = await world.honest(short ? 50 : 200);
    const count = short ? 200 : 500;
    const body = head('POST', '/api/v1/events', { ...sec, 'Content-Length': '5000' });
    const firsts = ['GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow: ', body, '', `${body}{"name":"`];
    const sockets = [];
    const startedMb = (await world.inside()).mb;
    for (let at = 0; at < count; at++) {
      sockets.push(slow(port, firsts[at % firsts.length], 1_000));
      if (at % 50 === 49) await sleep(20);
    }
    await sleep(2_000);
    const beside = await world.honest(short ? 50 : 200);
    world.note(
      `  honest p99 ${percentile(before, 0.99).toFixed(1)} ms before, ${percentile(beside, 0.99).toFixed(1)} ms beside ${count} slow ones`,
    );
    // Generous, as the machine may be busy with something else: what matters is that they are served.
    if (percentile(beside, 0.5) > 5 * percentile(before, 0.5) + 100)
      world.fault('honest clients wait beside slow ones');
    const late = sleep(PATIENCE_MS, 'late');
    for (const { ended } of sockets) {
      const end = await Promise.race([ended, late]);
      if (end === 'late') {
        world.fault(`a slow sender is still connected after ${PATIENCE_MS} ms`);
        break;
      }
      world.judge(
        'a slow sender',
        end.status === 0
          ? undefined
          : { status: end.status, headers: new Map([['content-type', 'application/problem+json']]), body: '' },
        [0, 400, 405, 408],
      );
    }
    for (const { end } of sockets) end();
    const grown = (await world.inside()).mb - startedMb;
    world.report.moreMb = Math.max(world.report.moreMb, grown);
    if (grown > 100) world.fault(`${count} slow senders left ${Math.round(grown)} MB behind`);

    const filler = 'x'.repeat(7_000);
    const batches = short ? 6 : 40;
    for (let at = 0; at < batches; at++)
      await world.server.ask('POST', '/events/batch', {
        key: world.project.sec,
        body: {
          events: Array.from({ length: 300 }, () => ({
            id: newId(),
            name: 'large',
            visitorId: 'a',
            properties: { filler },
          })),
        },
      });
    const size = (batches * 300 * 7) / 1_000;
    await sleep(500);
    const { mb } = await world.inside();
    // As many as may download at once, and more.
    const readers = Array.from({ length: 8 }, () => reader(port, world.project.sec, true));
    await sleep(short ? 5_000 : 15_000);
    const now = await world.inside();
    const more = now.mostMb - mb;
    world.report.moreMb = Math.max(world.report.moreMb, more);
    world.note(`  8 readers that take nothing of ${Math.round(size)} MB: ${Math.round(more)} MB more`);
    if (more > 120) world.fault(`readers that take nothing cost ${Math.round(more)} MB`);
    if (readers.every(({ came }) => came === 0)) world.fault('no download began');
    // Somebody else's small download has its turn all the same.
    const own = await fetch(`${world.server.url}/api/v1/events/export?format=csv&period=all`, {
      headers: { 'x-api-key': world.other.sec },
      signal: AbortSignal.timeout(180_000),
    });
    await own.text();
    if (own.status !== 200)
      world.fault(`a download of another project is answered ${own.status} beside readers that take nothing`);
    for (const { end } of readers) end();
  },
};
