// Is anything lost or counted twice when the server dies under load, again and again?
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf } from '../support/chaos-load.mjs';
import { Ledger } from '../support/ledger.mjs';
import { Server } from '../support/server.mjs';

export const trial = {
  number: 7,
  name: 'kill-server',
  load: '8 lanes, batches of 50',
  faults: 'kill -9 of the server, 15 times',
  async run({ short, note, folder }) {
    const server = await Server.start();
    const project = await server.project('chaos');
    const ledger = new Ledger(join(folder, 'answers.ndjson'));
    const load = new ChaosLoad({ urls: server.url, project, ledger, lanes: short ? 4 : 8, note });
    const running = load.start();
    const kills = short ? 2 : 15;
    const readyMs = [];
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(randomInt(100, 2_000));
      await server.kill();
      readyMs.push(await server.boot());
      note(`kill ${kill} of ${kills}: ready after ${Math.round(readyMs.at(-1))} ms`);
    }
    await sleep(500);
    load.stop();
    await running;
    await load.settle();
    ledger.close();

    const counted = await countLedger(server, project, ledger.read());
    readyMs.sort((a, b) => a - b);
    return {
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held: counted.held && load.strangeAnswers === 0,
      details: [
        `ready again after ${Math.round(readyMs[Math.floor((readyMs.length - 1) / 2)])} ms as a rule, ${Math.round(readyMs.at(-1))} ms at most`,
        `answers: ${load.answers}`,
        ...linesOf(counted),
        ...load.strangers,
      ],
    };
  },
};
