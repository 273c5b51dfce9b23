// What happens when the server's clock jumps by days, there and back? Events keep their times, none is lost or counted twice, nobody waits for days.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { heldTo, keptRejected, storedRows } from '../support/chaos-load.mjs';
import { newId } from '../support/events.mjs';
import { TrialWorld, until } from '../support/trial-world.mjs';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const preload = fileURLToPath(new URL('../support/shifted-clock.cjs', import.meta.url));

export const trial = {
  number: 18,
  name: 'clock-jumps',
  load: '20 batches of 50 a second',
  faults:
    "the server's clock jumps by +2 d, back, -2 d, back, +1 h, back (Date shifted in the process); far timestamps",
  async run({ short, note, folder }) {
    const file = join(folder, 'shift');
    writeFileSync(file, '0');
    const env = { NODE_OPTIONS: `--require ${preload}`, CLOCK_SHIFT_FILE: file };
    const world = await TrialWorld.start({ folder, note, rate: 20, env });
    const { server, project, load, ledger } = world;
    const { pid } = server;
    const post = async (events) => {
      const answer = await fetch(`${server.url}/api/v1/events/batch`, {
        method: 'POST',
        headers: { 'x-api-key': project.sec, 'content-type': 'application/json' },
        body: JSON.stringify({ events }),
      });
      return { status: answer.status, body: await answer.json() };
    };

    // Times that no clock explains: each is refused or moved with a word about it, and none makes an error of ours.
    const now = Date.now();
    const far = [
      now + 2 * DAY_MS,
      Math.floor(now / 1e3),
      '1800-01-01T00:00:00Z',
      '2300-01-01T00:00:00Z',
      -1,
      8.64e15,
      1e308,
    ];
    const ids = far.map(() => newId());
    const told = await post(far.map((timestamp, at) => ({ id: ids[at], name: 'far', visitorId: 'v', timestamp })));
    ledger.write({ ids, status: told.status, rejected: (told.body.rejected ?? []).map(({ index }) => ids[index]) });
    const said = new Set([...(told.body.rejected ?? []), ...(told.body.warnings ?? [])].map(({ index }) => index));
    world.expect(
      told.status === 200 && said.size === far.length,
      `far times: ${told.status} ${JSON.stringify(told.body)}`,
    );

    world.begin();
    const shifts = short ? [2 * DAY_MS, 0, -2 * DAY_MS, 0] : [2 * DAY_MS, 0, -2 * DAY_MS, 0, HOUR_MS, 0];
    for (const shift of shifts) {
      await sleep(short ? 1_500 : 6_000);
      writeFileSync(file, String(shift));
      note(`the clock is off by ${shift / HOUR_MS} h`);
      const before = load.acknowledged;
      const goesOn = await until(() => load.acknowledged > before || load.refused.size > 0, 30_000);
      world.expect(goesOn, 'no event was answered after the clock had jumped');
    }
    await sleep(2_000);
    await world.stop();
    await load.settle();
    ledger.close();
    world.expect(server.isRunning && server.pid === pid, 'the server ended');

    // Refused while the clock was wrong, taken when it was right again: that is the client's right, and one row.
    // What came while the clock was ahead is stored later than now.
    const day = (shift) => new Date(now + shift * DAY_MS).toISOString().slice(0, 10);
    const range = `from=${day(-4)}&to=${day(4)}`;
    const rows = await storedRows(server, project, range);
    const counted = heldTo(ledger.read(), rows, await keptRejected(server, project, range));
    world.lines.push(
      `far times: ${(told.body.rejected ?? []).length} refused, ${(told.body.warnings ?? []).length} moved with a warning`,
    );
    return world.verdict(
      counted,
      short
        ? { faults: "the server's clock jumps by +2 d, back, -2 d, back (Date shifted in the process); far timestamps" }
        : {},
    );
  },
};
