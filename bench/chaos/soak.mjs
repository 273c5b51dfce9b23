// Does anything pile up? A load for a while, a twentieth of it wrong in every way, then a look at memory, files and sockets.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf } from '../support/chaos-load.mjs';
import { Ledger } from '../support/ledger.mjs';
import { figuresOf, handlesOf, seenOf, watchedServer } from '../support/overload-watch.mjs';

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
  load: '10 batches/s of 50, one request in twenty wrong, 90 s',
  faults: 'bad input',
  async run({ short, note, folder }) {
    const server = await watchedServer(folder);
    const project = await server.project('soak');
    // Of its own: what is wrong here is not in the ledger.
    const wrong = await server.project('wrong');
    const ledger = new Ledger(join(folder, 'answers.ndjson'));
    const load = new ChaosLoad({ urls: server.url, project, ledger, lanes: 16, batch: 50, rate: 10, note });
    const unexpected = [];
    let over = false;
    const sendWrong = async () => {
      const { body, key = wrong.sec, headers = {}, status } = WRONGS[randomInt(WRONGS.length)];
      const answer = await fetch(`${server.url}/api/v1/events/batch`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
        body,
      });
      const text = await answer.text();
      if (answer.status !== status && answer.status !== 429 && answer.status !== 503)
        unexpected.push(`${answer.status} instead of ${status}: ${text.slice(0, 200)}`);
    };
    const running = load.start();
    const wrongs = (async () => {
      for (let sent = 0; ; sent += 1) {
        if (over) return sent;
        await sendWrong().catch((error) => unexpected.push(String(error)));
        await sleep(2_000 / (short ? 10 : 1));
      }
    })();
    await sleep(short ? 2_000 : 10_000);
    const [since, handles] = [Date.now(), handlesOf(server.pid)];
    note('for a while …');
    await sleep(short ? 8_000 : 80_000);
    const after = handlesOf(server.pid);
    load.stop();
    over = true;
    const sent = await wrongs;
    await running;
    const seen = figuresOf(seenOf(server, since));
    await load.settle();
    ledger.close();

    const counted = await countLedger(server, project, ledger.read());
    return {
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held:
        counted.held &&
        load.strangeAnswers + unexpected.length === 0 &&
        !(seen.grownMb > GROWN_MB) &&
        !(after > handles + MORE_HANDLES),
      details: [
        `memory of the server: ${Math.round(seen.mostMb)} MB at most, ${seen.grownMb.toFixed(1)} MB more in the second half`,
        `open files and sockets: ${handles} at first, ${after} at the end`,
        `${sent} wrong requests, ${unexpected.length} with an answer that is not theirs`,
        `answers: ${load.answers}`,
        ...linesOf(counted),
        ...unexpected.slice(0, 10),
        ...load.strangers,
      ],
    };
  },
};
