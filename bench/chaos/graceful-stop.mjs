// Is anybody cut off when the server is told to end? With requests half sent, idle connections, a live stream, and a load that goes on.
import { connect } from 'node:net';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { anEvent, newId } from '../support/events.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

const DRAIN_DELAY_MS = 1_500;
/** What the server promises from SIGTERM to its end. */
const LIMIT_MS = 10_000 + DRAIN_DELAY_MS;

/** A connection on which raw HTTP is spoken. */
function dial({ port }) {
  const socket = connect({ port, host: '127.0.0.1' });
  const line = { socket, text: '', end: 'open' };
  socket.setEncoding('latin1').on('data', (piece) => (line.text += piece));
  socket.on('end', () => (line.end = 'closed'));
  socket.on('error', (error) => (line.end = error.code));
  line.over = new Promise((resolve) => socket.once('close', resolve));
  return line;
}

/** Sends the first half of an event. @returns the connection, the rest, and the event's id */
function halfAnEvent(world) {
  const event = anEvent(newId(), 2_000);
  const body = JSON.stringify(event);
  const line = dial(world.server);
  line.socket.write(
    `POST /api/v1/events HTTP/1.1\r\nhost: a\r\nx-api-key: ${world.project.sec}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 20)}`,
  );
  return { line, rest: body.slice(20), id: event.id };
}

const aStream = (world) =>
  new Promise((resolve, reject) => {
    const url = `${world.server.url}/api/v1/realtime/stream`;
    get(url, { headers: { 'x-api-key': world.project.sec }, agent: false }, (answer) => {
      const stream = { status: answer.statusCode, bytes: 0, end: 'open' };
      answer.on('data', (piece) => (stream.bytes += piece.length));
      answer.on('end', () => (stream.end = 'closed'));
      answer.on('error', (error) => (stream.end = error.code ?? error.message));
      resolve(stream);
    }).once('error', reject);
  });

/** One stop with everything open. @returns milliseconds until the end */
async function stop(world) {
  const { server } = world;
  const idle = dial(server);
  idle.socket.write('GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n');
  const stream = await aStream(world);
  const half = halfAnEvent(world);
  await sleep(500);
  world.expect(
    stream.status === 200 && idle.text.includes(' 200 '),
    'the server did not serve before it was told to end',
  );

  const since = performance.now();
  const ended = server.stop();
  await sleep(200);
  world.expect(!(await server.isReady()), 'it says that it is ready after SIGTERM');
  const live = await fetch(`${server.url}/health/live`, { headers: { connection: 'close' } }).catch(() => undefined);
  world.expect(live?.status === 200, 'it takes no requests during the delay');
  await sleep(2_000);
  half.line.socket.write(half.rest);
  await ended;
  const tookMs = performance.now() - since;
  await Promise.race([half.line.over, sleep(2_000)]);
  const isTaken = / 20[02] /.test(half.line.text.slice(0, 15));
  world.expect(isTaken, `a request in flight was not answered: ${half.line.text.slice(0, 60) || half.line.end}`);
  if (isTaken) world.ledger.write({ ids: [half.id], status: 200, rejected: [] });
  world.expect(stream.end === 'closed', `a live stream ended as ${stream.end}`);
  world.expect(idle.end === 'closed', `an idle connection ended as ${idle.end}`);
  world.expect(server.exitCode === 0, `it ended with ${server.exitCode}`);
  world.expect(tookMs <= LIMIT_MS, `it took ${seconds(tookMs)} to end`);
  return tookMs;
}

/** A second signal does not wait for what hangs. */
async function force(world) {
  const { server } = world;
  halfAnEvent(world);
  await sleep(300);
  process.kill(server.pid, 'SIGTERM');
  await sleep(300);
  const since = performance.now();
  process.kill(server.pid, 'SIGTERM');
  while (server.isRunning && performance.now() - since < 20_000) await sleep(20);
  world.expect(!server.isRunning && server.exitCode === 1, `a second SIGTERM did not force it: ${server.exitCode}`);
  world.lines.push(`a second SIGTERM ended it after ${seconds(performance.now() - since)}`);
}

export const trial = {
  number: 24,
  name: 'graceful-stop',
  load: '4 lanes, batches of 50; a request in flight for 2 s, a live stream, an idle connection',
  faults: 'SIGTERM and start, 3 times; then SIGTERM twice',
  async run({ short, note, folder }) {
    const env = { DRAIN_DELAY_MS: String(DRAIN_DELAY_MS) };
    const world = await TrialWorld.start({ folder, note, env, lanes: 4 });
    world.begin();
    const took = [];
    for (let round = 1; round <= (short ? 1 : 3); round++) {
      await sleep(1_000);
      took.push(await stop(world));
      note(`stop ${round}: ended after ${seconds(took.at(-1))}`);
      await world.server.boot();
    }
    world.lines.push(`ended within ${seconds(Math.max(...took))}, ${seconds(DRAIN_DELAY_MS)} of it the delay`);
    await force(world);
    await world.server.boot();
    const counted = await world.end();
    return world.verdict(counted, short ? { faults: 'SIGTERM and start, once; then SIGTERM twice' } : {});
  },
};
