// Does ten times the load for a moment cost anything but patience? What can't be taken is refused with a time to come back; the rest is kept.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf } from '../support/chaos-load.mjs';
import { Ledger } from '../support/ledger.mjs';
import { figuresOf, seenOf, watchedServer } from '../support/overload-watch.mjs';

const DRAINED_MS = 60_000;

export const trial = {
  number: 2,
  name: 'burst',
  load: '10 batches/s of 50, then 100/s for 10 s',
  faults: 'ten times the load',
  async run({ short, note, folder }) {
    const server = await watchedServer(folder);
    const project = await server.project('burst');
    const ledger = new Ledger(join(folder, 'answers.ndjson'));
    const options = { urls: server.url, project, ledger, timeoutMs: 60_000, note };
    const usual = new ChaosLoad({ ...options, lanes: 16, batch: 50, rate: 10 });
    const burst = new ChaosLoad({ ...options, lanes: 256, batch: 50, rate: 90 });
    const since = Date.now();
    const running = [usual.start()];
    await sleep(short ? 1_000 : 5_000);
    note('ten times as much …');
    running.push(burst.start());
    await sleep(short ? 4_000 : 10_000);
    burst.stop();
    await sleep(short ? 1_000 : 5_000);
    usual.stop();
    await Promise.all(running);
    const seen = figuresOf(seenOf(server, since));
    note('sending again what was refused …');
    await usual.settle(300_000);
    await burst.settle(300_000);
    ledger.close();

    const counted = await countLedger(server, project, ledger.read());
    return {
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held: counted.held && usual.strangeAnswers + burst.strangeAnswers === 0 && counted.drainedMs <= DRAINED_MS,
      details: [
        `all that was acknowledged was readable ${Math.round(counted.drainedMs)} ms later (wanted: ${DRAINED_MS} ms)`,
        `memory of the server: ${Math.round(seen.mostMb)} MB at most; event loop late by ${Math.round(seen.maxMs)} ms at most`,
        `answers before, beside and after: ${usual.answers}`,
        `answers of the burst: ${burst.answers}`,
        ...linesOf(counted),
        ...usual.strangers,
        ...burst.strangers,
      ],
    };
  },
};
