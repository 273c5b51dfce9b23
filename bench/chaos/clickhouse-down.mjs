// What happens while the warehouse is gone? Events go on being taken, figures say that they can't be had, and afterwards all is there.
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFigures, wrongFigures, Watch } from '../support/chaos-watch.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { percentile } from '../support/percentile.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

const DOWN_SECONDS = 15;
/** Of a refused connection nobody learns slowly; the rest is for a machine that is busy. */
const REFUSED_WITHIN_MS = 5_000;
const DRAINED_WITHIN_MS = 60_000;

export const trial = {
  number: 9,
  name: 'clickhouse-down',
  load: '20 batches of 50 a second',
  faults: `kill -9 of ClickHouse, away for ${DOWN_SECONDS} s`,
  async run({ short, note, folder }) {
    const clickhouse = await OwnClickHouse.start();
    const world = await TrialWorld.start({ folder, note, rate: 20, env: { CLICKHOUSE_URL: clickhouse.url } });
    const { server, project, load } = world;
    const downMs = (short ? 5 : DOWN_SECONDS) * 1_000;
    world.begin();
    const figures = watchFigures(server, project, load).start();
    const ready = new Watch({ url: `${server.url}/health/ready?exclude=clickhouse` }).start();
    const all = new Watch({ url: `${server.url}/health/ready` }).start();

    await sleep(2_000);
    await clickhouse.kill();
    const downAt = performance.now();
    note('ClickHouse is away');
    await sleep(downMs);
    const bootMs = await clickhouse.boot();
    const upAt = performance.now();
    note(`ClickHouse is back after ${seconds(upAt - downAt)}`);
    await sleep(2_000);
    await Promise.all([figures.stop(), ready.stop(), all.stop()]);
    const counted = await world.end();

    // Two seconds at both ends are for the caches of the probes and for what was under way.
    const within = ({ at, ms }) => at > downAt + 2_000 && at + ms < upAt - bootMs;
    const away = figures.answers.filter(within);
    const slowest = Math.max(...away.map(({ ms }) => ms));
    const times = away.map(({ ms }) => ms);
    world.expect(away.length > 0, 'nobody could ask for figures meanwhile');
    world.expect(
      away.every(({ status }) => status === 503),
      'a figure was answered while the warehouse was away',
    );
    world.expect(slowest < REFUSED_WITHIN_MS, `a question waited ${seconds(slowest)} for its 503`);
    world.faults.push(...wrongFigures(figures));
    const probes = ready.answers.filter(within);
    world.expect(
      probes.length > 0 && probes.every(({ status, body }) => status === 200 && body.includes('"degraded"')),
      `readiness without ClickHouse was not "degraded": ${ready.line}`,
    );
    world.expect(
      all.answers.filter(within).every(({ status }) => status === 503),
      `readiness was not 503 while the warehouse was away: ${all.line}`,
    );
    world.expect(load.refused.size === 0 && load.unanswered === 0, `events were not taken: ${load.answers}`);
    world.expect(counted.drainedMs < DRAINED_WITHIN_MS, `what waited was readable after ${seconds(counted.drainedMs)}`);
    world.lines.push(
      `what waited was readable within ${seconds(performance.now() - upAt)} of its return, the rest of the load and the count included`,
      `while it was away: figures 503 after ${Math.round(percentile(times, 0.5))} ms as a rule, ${Math.round(slowest)} ms at most; figures at all times: ${figures.line}`,
      `events answered within ${Math.round(load.percentile(0.99))} ms (p99), ${Math.round(load.percentile(1))} ms at most`,
    );
    return world.verdict(counted, short ? { faults: 'kill -9 of ClickHouse, away for 5 s' } : {});
  },
};
