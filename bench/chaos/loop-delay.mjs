// Does any request keep all others waiting? The largest batches that are taken, beside singles and questions; how late is the event loop?
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf } from '../support/chaos-load.mjs';
import { Ledger } from '../support/ledger.mjs';
import { atRate } from '../support/paced-load.mjs';
import { figuresOf, ownDelay, questioner, seenOf, watchedServer } from '../support/overload-watch.mjs';

const MAX_MS = 200;

export const trial = {
  number: 6,
  name: 'loop-delay',
  load: '1 batch/s of 2,000, 20 singles/s, 5 questions/s, 20 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const server = await watchedServer(folder);
    const project = await server.project('loop');
    const ledger = new Ledger(join(folder, 'answers.ndjson'));
    const options = { urls: server.url, project, ledger, timeoutMs: 60_000, note };
    const loads = [
      new ChaosLoad({ ...options, lanes: 4, batch: short ? 500 : 2_000, rate: 1 }),
      new ChaosLoad({ ...options, lanes: 16, batch: 1, rate: 20 }),
    ];
    const running = loads.map((load) => load.start());
    // What is compiled at its first use is no delay of a request.
    await sleep(3_000);
    const own = ownDelay();
    const since = Date.now();
    note('large batches beside small ones …');
    const asked = questioner(server, project);
    const questions = await atRate(5, short ? 6 : 20, () => asked.ask('/stats/overview?period=24h'));
    const slack = own.slackMs(MAX_MS);
    for (const load of loads) load.stop();
    await Promise.all(running);
    const seen = figuresOf(seenOf(server, since));
    for (const load of loads) await load.settle();
    ledger.close();

    const counted = await countLedger(server, project, ledger.read());
    const strange = loads.reduce((sum, load) => sum + load.strangeAnswers, 0);
    return {
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held: counted.held && strange + questions.failed === 0 && (short || seen.maxMs <= MAX_MS + slack),
      details: [
        `event loop of the server: late by ${Math.round(seen.maxMs)} ms at most, ${Math.round(seen.p99Ms)} ms in 99 of 100 turns of the worst half second (wanted: ${MAX_MS} ms at most, and ${Math.round(slack)} ms for what else the machine does)`,
        `singles: 99 of 100 answers within ${Math.round(loads[1].percentile(0.99))} ms`,
        `questions: ${questions.latencies.length} answered, ${asked.refused} of them refused (${[...asked.codes].join(', ')}); ${questions.failed} failed`,
        ...loads.map((load) => `answers: ${load.answers}`),
        ...linesOf(counted),
        ...loads.flatMap((load) => load.strangers),
      ],
    };
  },
};
