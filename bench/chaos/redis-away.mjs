// What happens while Redis forgets, is gone, hangs or is full? Events and figures go on as if nothing were; work that it lost is done later.
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFigures, Watch, wrongFigures } from '../support/chaos-watch.mjs';
import { hasRedis, OwnRedis } from '../support/own-redis.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

/** Schedules are said again every half a minute; the rest is for a machine that is busy. */
const WORK_AGAIN_MS = 60_000;
/** What the sweeper takes for a job whose entry was lost, twice over. */
const JOB_MS = 120_000;
const FIGURE_MS = 10_000;

export const trial = {
  number: 14,
  name: 'redis-away',
  load: '20 batches of 50 a second',
  faults: 'FLUSHALL; kill -9 of Redis, away for 10 s; SIGSTOP for 5 s; memory full for 5 s',
  async run({ short, note, folder }) {
    if (!hasRedis()) throw new Error('there is no redis-server on this machine');
    const redis = await OwnRedis.start();
    const world = await TrialWorld.start({ folder, note, rate: 20, env: { REDIS_URL: redis.url } });
    const { server, project, load } = world;
    world.begin();
    const figures = watchFigures(server, project, load).start();
    const ready = new Watch({ url: `${server.url}/health/ready?exclude=queue` }).start();

    await sleep(2_000);
    note('Redis forgets everything');
    await redis.say('FLUSHALL');
    const flushedAt = performance.now();
    const afterFlush = short ? undefined : await workedAgain(server, flushedAt);

    note('Redis is away');
    await redis.kill();
    await sleep(1_000);
    const { job } = await server.ask('POST', `/projects/${project.id}/verify`);
    const jobAt = performance.now();
    await sleep(short ? 2_000 : 9_000);
    await redis.boot();
    const afterKill = short ? undefined : await workedAgain(server, performance.now());

    note('Redis hangs');
    redis.hang();
    await sleep(short ? 2_000 : 5_000);
    redis.wake();

    note('Redis is full');
    await redis.say('CONFIG', 'SET', 'maxmemory', '1mb');
    await sleep(short ? 2_000 : 5_000);
    await redis.say('CONFIG', 'SET', 'maxmemory', '0');
    await sleep(1_000);
    await Promise.all([figures.stop(), ready.stop()]);
    const counted = await world.end();

    world.expect(load.refused.size === 0 && load.unanswered === 0, `events were not taken: ${load.answers}`);
    world.faults.push(...wrongFigures(figures));
    world.expect(
      figures.answers.every(({ status }) => status === 200),
      `figures were not answered: ${figures.line}`,
    );
    const slowest = Math.max(...figures.answers.map(({ ms }) => ms));
    world.expect(slowest < FIGURE_MS, `a figure took ${seconds(slowest)}`);
    world.expect(
      ready.answers.every(({ status }) => status === 200),
      `readiness without the queue was not 200 throughout: ${ready.line}`,
    );
    world.expect(
      ready.answers.some(({ body }) => body.includes('"degraded"')),
      'nobody said that the queue was away',
    );
    for (const [after, ms] of [
      ['FLUSHALL', afterFlush],
      ['the restart', afterKill],
    ])
      if (!short) {
        world.expect(ms < WORK_AGAIN_MS, `regular work did not go on after ${after}`);
        world.lines.push(`regular work again ${seconds(ms)} after ${after}`);
      }
    if (!short) {
      const state = await stateOf(server, job.id, JOB_MS);
      world.expect(state === 'completed', `a job that was begun while Redis was away is ${state}`);
      world.lines.push(
        `a job that was begun while Redis was away: ${state} after ${seconds(performance.now() - jobAt)}`,
      );
    }
    world.lines.push(
      `events answered within ${Math.round(load.percentile(0.99))} ms (p99); figures at all times: ${figures.line}, ${Math.round(slowest)} ms at most`,
    );
    return world.verdict(
      counted,
      short ? { faults: 'FLUSHALL; kill -9 of Redis, away for 3 s; SIGSTOP and full memory for 2 s each' } : {},
    );
  },
};

/** @returns milliseconds from a moment until a chore that runs each second or so has run twice more; infinity where it does not */
async function workedAgain(server, since) {
  // What was handed out before may still end.
  await sleep(2_000);
  const before = await runs(server);
  while (performance.now() - since < WORK_AGAIN_MS) {
    await sleep(250);
    if ((await runs(server)) >= before + 2) return performance.now() - since;
  }
  return Number.POSITIVE_INFINITY;
}

async function runs(server) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^millrace_jobs_total\{job="drain-spool",outcome="completed"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

async function stateOf(server, id, withinMs) {
  for (const since = performance.now(); ; await sleep(500)) {
    const job = await server.ask('GET', `/jobs/${id}`);
    const state = job.state ?? job.job?.state;
    if (state === 'completed' || state === 'failed' || performance.now() - since > withinMs) return state;
  }
}
