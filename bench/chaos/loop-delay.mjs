// Does any request keep all others waiting? The largest batches that are taken, beside singles and questions; how late is the event loop?
import { setTimeout as sleep } from 'node:timers/promises';
import { atRate } from '../support/paced-load.mjs';
import { figuresOf, holdTime, ownDelay, questioner, seenOf, watchedWorld } from '../support/overload-watch.mjs';

const MAX_MS = 200;

export const trial = {
  number: 6,
  name: 'loop-delay',
  load: '1 batch/s of 2,000, 20 singles/s, 5 questions/s, 20 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const timeoutMs = 60_000;
    const world = await watchedWorld({ folder, note, timeoutMs, lanes: 4, batch: short ? 500 : 2_000, rate: 1 });
    const singles = world.beside({ timeoutMs, lanes: 16, batch: 1, rate: 20 });
    world.begin(world.load, singles);
    // What is compiled at its first use is no delay of a request.
    await sleep(3_000);
    const own = ownDelay();
    const since = Date.now();
    note('large batches beside small ones …');
    const asked = questioner(world.server, world.project);
    const questions = await atRate(5, short ? 6 : 20, () => asked.ask('/stats/overview?period=24h'));
    const slack = own.slackMs(MAX_MS);
    await world.stop();
    const seen = figuresOf(seenOf(world.server, since));

    holdTime(world, { what: 'event loop late by', measured: seen.maxMs, wanted: MAX_MS, slack, short });
    world.lines.push(
      `event loop in 99 of 100 turns of the worst half second: late by ${Math.round(seen.p99Ms)} ms`,
      `singles: 99 of 100 answers within ${Math.round(singles.percentile(0.99))} ms`,
      `questions: ${asked.line}`,
    );
    world.expect(questions.failed === 0, `${questions.failed} questions failed`);
    return world.verdict(
      await world.end(),
      short ? { load: '1 batch/s of 500, 20 singles/s, 5 questions/s, 6 s' } : {},
    );
  },
};
