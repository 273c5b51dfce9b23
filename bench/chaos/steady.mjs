// Is a steady load answered quickly, without a refusal, and in memory that does not grow?
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger } from '../support/chaos-load.mjs';
import { Ledger } from '../support/ledger.mjs';
import { figuresOf, ownDelay, seenOf, timeLine, watchedServer } from '../support/overload-watch.mjs';
import { percentile } from '../support/percentile.mjs';

const P99_MS = 250;
const GROWN_MB = 64;

export const trial = {
  number: 1,
  name: 'steady',
  load: '1,000 events/s in batches of 100, 4 projects, 60 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const server = await watchedServer(folder);
    const loads = [];
    for (let at = 0; at < 4; at++) {
      const project = await server.project(`steady ${at}`);
      const ledger = new Ledger(join(folder, `answers-${at}.ndjson`));
      loads.push(
        new ChaosLoad({ urls: server.url, project, ledger, lanes: 8, batch: short ? 20 : 100, rate: 2.5, note }),
      );
    }
    const own = ownDelay();
    const running = loads.map((load) => load.start());
    // The first requests find nothing ready.
    await sleep(3_000);
    for (const load of loads) load.latencies.length = 0;
    const since = Date.now();
    note('a steady load …');
    await sleep(short ? 8_000 : 60_000);
    for (const load of loads) load.stop();
    await Promise.all(running);
    const slack = own.slackMs(P99_MS);
    const seen = figuresOf(seenOf(server, since));

    const counted = [];
    for (const { ledger, project } of loads) {
      ledger.close();
      counted.push(await countLedger(server, project, ledger.read()));
    }
    const sum = (pick) => counted.reduce((all, one) => all + pick(one), 0);
    const p99 = percentile(
      loads.flatMap((load) => load.latencies),
      0.99,
    );
    const refused = loads.reduce((all, load) => all + load.refused.size + load.unanswered, 0);
    return {
      acknowledged: sum((one) => one.acknowledged),
      lost: sum((one) => one.lost),
      doubled: sum((one) => one.doubled),
      held:
        counted.every(({ held }) => held) &&
        refused === 0 &&
        (short || p99 <= P99_MS + slack) &&
        !(seen.grownMb > GROWN_MB),
      details: [
        timeLine('99 of 100 answers within', p99, P99_MS, slack),
        `memory of the server: ${Math.round(seen.mostMb)} MB at most, ${seen.grownMb.toFixed(1)} MB more in the second half`,
        `event loop: late by ${Math.round(seen.maxMs)} ms at most`,
        ...loads.map((load) => `answers: ${load.answers}`),
        ...loads.flatMap((load) => load.strangers),
      ],
    };
  },
};
