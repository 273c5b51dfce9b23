// What happens while the warehouse hangs, and when it wakes and finishes what was given up long ago?
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFigures, wrongFigures } from '../support/chaos-watch.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { percentile } from '../support/percentile.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

const INSERT_TIMEOUT_MS = 2_000;
const LONG_SECONDS = 12;
const NAPS = 5;
/** A look-up and an insert may each take their time before a block goes to the spool; the rest is for a machine that is busy. */
const ANSWERED_WITHIN_MS = 15_000;

export const trial = {
  number: 10,
  name: 'clickhouse-hung',
  load: '20 batches of 50 a second',
  faults: `SIGSTOP of ClickHouse for ${LONG_SECONDS} s, then ${NAPS} times around the ${INSERT_TIMEOUT_MS / 1_000} s that an insert may take`,
  async run({ short, note, folder }) {
    const clickhouse = await OwnClickHouse.start();
    const env = { CLICKHOUSE_URL: clickhouse.url, INSERT_TIMEOUT_MS: String(INSERT_TIMEOUT_MS) };
    const world = await TrialWorld.start({ folder, note, rate: 20, env });
    const { server, project, load } = world;
    world.begin();
    const figures = watchFigures(server, project, load).start();
    const spooled = () => load.kept.get(202) ?? 0;
    const nap = async (ms, goesToSpool = false) => {
      note(`ClickHouse hangs for ${seconds(ms)}`);
      const before = spooled();
      clickhouse.pause();
      await sleep(ms);
      if (goesToSpool) await until(() => spooled() > before, 60_000);
      clickhouse.resume();
    };

    await sleep(2_000);
    await nap(short ? 3_000 : LONG_SECONDS * 1_000, true);
    for (let naps = short ? 1 : NAPS; naps > 0; naps--) {
      await sleep(randomInt(500, 2_500));
      await nap(INSERT_TIMEOUT_MS + randomInt(-700, 1_500));
    }
    await sleep(1_000);
    await figures.stop();
    const counted = await world.end();

    world.faults.push(...wrongFigures(figures));
    world.expect(load.unanswered === 0 && load.refused.size === 0, `events were not taken: ${load.answers}`);
    const slowest = load.percentile(1);
    world.expect(slowest < ANSWERED_WITHIN_MS, `events waited ${seconds(slowest)} for their answer`);
    world.expect(spooled() > 0, 'nothing went to the spool');
    const times = figures.answers.map(({ ms }) => ms);
    world.lines.push(
      `events answered within ${Math.round(load.percentile(0.5))} ms (p50), ${Math.round(load.percentile(0.99))} ms (p99), ${Math.round(slowest)} ms at most`,
      `figures: ${figures.line}, the slowest after ${seconds(percentile(times, 1))}`,
    );
    return world.verdict(counted, short ? { faults: 'SIGSTOP of ClickHouse for about 3 s, twice' } : {});
  },
};
