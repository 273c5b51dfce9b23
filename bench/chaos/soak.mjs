// Does anything pile up? A load for a while, a twentieth of it wrong in every way, then a look at memory, files and sockets.
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { figuresOf, handlesOf, seenOf, watchedWorld } from '../support/overload-watch.mjs';

const GROWN_MB = 64;
const MORE_HANDLES = 20;

/** Requests that are wrong, and what they are answered. */
const WRONGS = [
  { body: '{"events":[', status: 400 },
  { body: JSON.stringify({ events: 'none' }), status: 400 },
  { body: Buffer.from([0x7b, 0xff, 0x7d]), status: 400 },
  { body: '{}', key: 'mr_sec_wrong', status: 401 },
  { body: 'x', headers: { 'content-type': 'image/png' }, status: 415 },
  { body: 'no gzip', headers: { 'content-encoding': 'gzip' }, status: 400 },
  { body: JSON.stringify({ events: [{ name: '' }, { name: 'a', visitorId: 'b', url: 'no url' }] }), status: 200 },
  { body: JSON.stringify({ events: Array.from({ length: 2_001 }, () => ({})) }), status: 413 },
];

export const trial = {
  number: 5,
  name: 'soak',
  load: '10 batches/s of 50, one request in twenty wrong, 45 s',
  faults: 'bad input',
  async run({ short, note, folder }) {
    const world = await watchedWorld({ folder, note, lanes: 16, batch: 50, rate: 10 });
    const { server } = world;
    // Of its own: what is wrong here is not in the ledger.
    const wrong = await server.project('wrong');
    let over = false;
    const sendWrong = async () => {
      const { body, key = wrong.sec, headers = {}, status } = WRONGS[randomInt(WRONGS.length)];
      const answer = await fetch(`${server.url}/api/v1/events/batch`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
        body,
      });
      const text = await answer.text();
      world.expect(
        [status, 429, 503].includes(answer.status),
        `${answer.status} instead of ${status}: ${text.slice(0, 200)}`,
      );
    };
    world.begin();
    const wrongs = (async () => {
      for (let sent = 0; ; sent += 1) {
        if (over) return sent;
        await sendWrong().catch((error) => world.faults.push(String(error)));
        await sleep(2_000 / (short ? 10 : 1));
      }
    })();
    await sleep(short ? 2_000 : 10_000);
    const [since, handles] = [Date.now(), handlesOf(server.pid)];
    note('for a while …');
    await sleep(short ? 8_000 : 35_000);
    const after = handlesOf(server.pid);
    over = true;
    const sent = await wrongs;
    await world.stop();
    const seen = figuresOf(seenOf(server, since));

    world.lines.push(
      `memory of the server: ${Math.round(seen.mostMb)} MB at most, ${seen.grownMb.toFixed(1)} MB more in the second half`,
      `open files and sockets: ${handles} at first, ${after} at the end`,
      `${sent} wrong requests`,
    );
    world.expect(!(seen.grownMb > GROWN_MB), `memory grew by ${Math.round(seen.grownMb)} MB in the second half`);
    world.expect(!(after > handles + MORE_HANDLES), `${after - handles} more open files and sockets`);
    return world.verdict(await world.end(), short ? { load: '10 batches/s of 50, some requests wrong, 10 s' } : {});
  },
};
