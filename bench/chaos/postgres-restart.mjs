// What happens while Postgres is gone? Nothing that was acknowledged hangs on it, and whoever needs it is told to come again.
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnPostgres } from '../support/own-postgres.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

const AWAY_MS = 6_000;

export const trial = {
  number: 13,
  name: 'postgres-restart',
  load: '20 batches of 50 a second',
  faults: 'kill -9 of Postgres, away for 6 s, 4 times',
  async run({ short, note, folder }) {
    const postgres = await OwnPostgres.start();
    const world = await TrialWorld.start({ folder, note, rate: 20, env: { DATABASE_URL: postgres.url } });
    const { server, project, load } = world;
    world.begin();
    const makeKey = async () => {
      const startedAt = performance.now();
      const answer = await fetch(`${server.url}/api/v1/projects/${project.id}/keys`, {
        method: 'POST',
        headers: { 'x-api-key': server.rootKey, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'while it is away', kind: 'sec' }),
      });
      await answer.text();
      return { status: answer.status, after: answer.headers.get('retry-after'), ms: performance.now() - startedAt };
    };
    const taken = () => [...load.kept.values()].reduce((sum, times) => sum + times, 0);
    const { pid } = server;
    let slowest = 0;
    let takenAway = 0;
    const backMs = [];
    for (let time = 1; time <= (short ? 1 : 4); time++) {
      await sleep(2_000);
      await postgres.kill();
      note(`Postgres is away, ${time}`);
      const since = performance.now();
      const before = taken();
      while (performance.now() - since < AWAY_MS) {
        const { status, after, ms } = await makeKey();
        slowest = Math.max(slowest, ms);
        world.expect(status === 503 && after !== null, `a key was asked for while Postgres was away: ${status}`);
        await sleep(300);
      }
      takenAway += taken() - before;
      await postgres.boot();
      const backAt = performance.now();
      while ((await makeKey()).status !== 201) {
        if (performance.now() - backAt > 60_000) throw new Error('keys cannot be made after Postgres came back');
        await sleep(100);
      }
      backMs.push(performance.now() - backAt);
    }
    await sleep(2_000);
    const counted = await world.end();
    world.expect(server.isRunning && server.pid === pid, 'the server ended');
    world.expect(slowest < 10_000, `a request that needs Postgres was answered after ${seconds(slowest)}`);
    world.expect(
      takenAway > 0,
      'no event was taken while Postgres was away, though keys are known and ClickHouse was there',
    );
    world.lines.push(
      `${takenAway} batches were taken while Postgres was away; who needs it got 503 within ${seconds(slowest)}`,
      `keys could be made ${seconds(Math.max(...backMs))} after its return at most`,
    );
    return world.verdict(counted, short ? { faults: 'kill -9 of Postgres, away for 6 s' } : {});
  },
};
