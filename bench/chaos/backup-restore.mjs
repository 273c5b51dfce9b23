// Is a copy that was made under load worth something when the original burns? All that was acknowledged before it began, once each.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countLedger, linesOf } from '../support/chaos-load.mjs';
import { ownFolder } from '../support/clean.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { root, Server } from '../support/server.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

/** Runs one of the commands as people do. */
async function command(name, args, env) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(root, 'dist', 'cli', `${name}.js`), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const [status] = await once(child, 'close');
  return { status, said, ms: performance.now() - startedAt };
}

export const trial = {
  number: 22,
  name: 'backup-restore',
  load: '20 batches of 50 a second',
  faults: 'backups under load, one with blocks in the spool; then kill -9 and all data gone',
  async run({ short, note, folder }) {
    const clickhouse = await OwnClickHouse.start();
    const env = { CLICKHOUSE_URL: clickhouse.url, INSERT_TIMEOUT_MS: '1500' };
    const world = await TrialWorld.start({ folder, note, rate: 20, env });
    const { server, project, load, ledger } = world;
    const ofServer = { DATA_DIR: server.folder, CLICKHOUSE_URL: clickhouse.url };
    world.begin();
    await sleep(short ? 2_000 : 6_000);
    const backups = [];
    for (const hung of short ? [true] : [false, true]) {
      if (hung) {
        clickhouse.pause();
        await until(() => (load.kept.get(202) ?? 0) > 2, 60_000);
        clickhouse.resume();
      }
      const promised = ledger.read();
      const to = join(folder, `backup-${backups.length}`);
      const made = await command('backup', ['--to', to], ofServer);
      if (made.status !== 0) throw new Error(`the backup failed: ${made.said}`);
      const blocks = /blocks on their way\s+(\d+)/.exec(made.said)?.[1];
      note(
        `backup in ${seconds(made.ms)}, ${promised.acknowledged.size} events were acknowledged before it, ${blocks} blocks waited`,
      );
      backups.push({ to, promised, made, blocks });
      await sleep(1_000);
    }
    load.stop();
    const answers = load.answers;
    await server.kill();
    const sent = ledger.read();
    note('the server and its stores are gone');

    let acknowledged = 0;
    let lost = 0;
    let doubled = 0;
    let held = true;
    for (const { to, promised, made, blocks } of backups) {
      const into = await ownFolder('restored');
      const restored = await command('restore', ['--from', to], { DATA_DIR: into });
      if (restored.status !== 0) throw new Error(`the restore failed: ${restored.said}`);
      const again = await command('restore', ['--from', to], { DATA_DIR: into });
      world.expect(again.status === 1 && again.said.includes('not empty'), 'a second restore was not refused');
      const other = await Server.start({}, into);
      // The keys are those of before: a client sends a part of the promised again, and nothing may be counted twice.
      load.urls = [other.url];
      await load.settle();
      const later = ledger.read();
      const counted = await countLedger(other, project, { ...promised, sent: new Set([...sent.sent, ...later.sent]) });
      acknowledged += counted.acknowledged;
      lost += counted.lost;
      doubled += counted.doubled;
      held &&= counted.held;
      world.lines.push(
        `backup in ${seconds(made.ms)} with ${blocks} blocks of the spool, restored in ${seconds(restored.ms)}`,
        ...linesOf(counted),
      );
      await other.stop();
    }
    const file = readdirSync(join(backups[0].to, 'clickhouse')).map((name) =>
      join(backups[0].to, 'clickhouse', name),
    )[0];
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    const damaged = await command('restore', ['--from', backups[0].to, '--check'], {});
    world.expect(damaged.status === 1 && damaged.said.includes('damaged'), 'a damaged backup passed for a whole one');
    return {
      acknowledged,
      lost,
      doubled,
      held: held && world.faults.length === 0,
      details: [...world.lines, `answers: ${answers}`, ...world.faults],
    };
  },
};
