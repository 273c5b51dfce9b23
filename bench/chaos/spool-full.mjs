// What happens when nothing more can be kept? Events are refused with a reason, what was kept stays, and nobody is answered yes in vain.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { aBatch } from '../support/chaos-load.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { TrialWorld, until } from '../support/trial-world.mjs';

const MEGABYTE = 1_048_576;

/** Events that do not compress. */
const bulky = (size) =>
  aBatch(size).map((event) => ({ ...event, properties: { noise: randomBytes(1_200).toString('base64') } }));

export const trial = {
  number: 16,
  name: 'spool-full',
  load: '4 lanes, batches of 50 of 2 kB each',
  faults: 'ClickHouse away until a spool of 20 MB is full, and 8 s longer',
  async run({ short, note, folder }) {
    const most = short ? 3 : 20;
    const clickhouse = await OwnClickHouse.start();
    const env = { CLICKHOUSE_URL: clickhouse.url, SPOOL_MAX_MB: String(most) };
    const world = await TrialWorld.start({ folder, note, lanes: 4, make: bulky, env });
    const { server, load } = world;
    const refusals = () => load.refused.get(503) ?? 0;
    world.begin();
    await sleep(1_000);
    await clickhouse.kill();
    note('ClickHouse is away');
    const isFull = await until(() => refusals() > 0, 120_000);
    world.expect(isFull, 'the spool was never full');
    await sleep(short ? 2_000 : 8_000);
    const refused = refusals();

    const probe = await fetch(`${server.url}/api/v1/events/batch`, {
      method: 'POST',
      headers: { 'x-api-key': world.project.sec, 'content-type': 'application/json' },
      body: JSON.stringify({ events: Array.from({ length: 10 }, () => bulky(50)).flat() }),
    });
    const { code } = await probe.json();
    world.expect(probe.status === 503 && code === 'spool_full', `a full spool was told as ${probe.status} ${code}`);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const bytes = Number(/^millrace_spool_bytes(?:\{[^}]*\})? (\S+)/m.exec(metrics)?.[1]);
    world.expect(bytes > 0 && bytes <= most * MEGABYTE, `the spool holds ${bytes} bytes of ${most} MB`);
    await clickhouse.boot();
    note(`ClickHouse is back after ${refused} refusals`);
    const counted = await world.end();
    world.expect(load.unanswered === 0, 'requests were left without an answer');
    world.lines.push(
      `${refused} requests refused with 503 and Retry-After while ${(bytes / MEGABYTE).toFixed(1)} of ${most} MB were kept`,
    );
    return world.verdict(
      counted,
      short ? { faults: 'ClickHouse away until a spool of 3 MB is full, and 2 s longer' } : {},
    );
  },
};
