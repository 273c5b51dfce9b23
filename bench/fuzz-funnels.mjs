// Does SQL say the same as the reference of funnels, case after case, for as long as one likes? A case is one unit and one question.
//   npm run fuzz:funnels -- [--cases 1000000] [--minutes m] [--seed n] [--mode ordered,strict,any] [--worlds 4000] [--questions 10] [--steps 8]
// Ends with the first difference, made as small as it gets, and the seed that leads to it.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare, root } from '../scripts/prepare.mjs';
import { startEngine } from './support/bare-engine.mjs';
import { atEnd, measure } from './support/clean.mjs';

const text = { type: 'string' };
const { values } = parseArgs({
  options: { cases: text, minutes: text, seed: text, mode: text, worlds: text, questions: text, steps: text },
});
const cases = Number(values.cases ?? 1_000_000);
const minutes = Number(values.minutes ?? Number.POSITIVE_INFINITY);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const worlds = Number(values.worlds ?? 4_000);
const perCrowd = Number(values.questions ?? 10);
const steps = Number(values.steps ?? 8);
const modes = (values.mode ?? 'ordered,strict,any').split(',');
if (![cases, minutes, worlds, perCrowd, steps - 1].every((count) => count > 0) || !Number.isInteger(seed)) {
  process.stderr.write('--cases, --minutes, --seed, --worlds, --questions and --steps are numbers\n');
  process.exit(2);
}

/** The reference and what is held against it are TypeScript that only tests use: compiled into a folder of this run. */
function compile() {
  prepare({ dev: true });
  const folder = join(root, 'node_modules', `.millrace-fuzz-${process.pid}`);
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const cli = join(root, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
  const args = ['src', 'test/support', '--out-dir', folder, '--copy-files', '--ignore', '**/*.spec.ts', '--quiet'];
  const { status } = spawnSync(process.execPath, [cli, ...args], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('The build failed; see above.');
  const require = createRequire(join(folder, 'fuzz.cjs'));
  return (path) => require(join(folder, path));
}

async function fuzz() {
  const compiled = compile();
  const { ClickHouse } = compiled('src/platform/clickhouse/clickhouse.js');
  const { migrateClickHouse } = compiled('src/platform/clickhouse/migrate.js');
  const { readEnv, StoreUrls } = compiled('src/config/env.js');
  const { FunnelAnswers } = compiled('src/funnels/answer/funnel-answers.repository.js');
  const { Volumes } = compiled('src/stats/volumes.js');
  const { crowdOf, describe, FunnelTrial, questionsOf } = compiled('test/support/funnel-trial.js');

  const url = await startEngine();
  await migrateClickHouse(url, undefined);
  const clickhouse = new ClickHouse(
    readEnv({ LOG_LEVEL: 'silent', QUERY_TIMEOUT_MS: '120000' }),
    new StoreUrls('', url),
  );
  atEnd(() => clickhouse.onApplicationShutdown());
  // Nobody counted anything, so no sample is taken.
  const trial = new FunnelTrial(clickhouse, new FunnelAnswers(clickhouse, new Volumes({ of: async () => undefined })));

  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1_000;
  const done = Object.fromEntries(modes.map((mode) => [mode, 0]));
  const progress = (end = '') => {
    const parts = modes.map((mode) => `${mode} ${done[mode].toLocaleString('en')}`);
    const all = modes.reduce((sum, mode) => sum + done[mode], 0);
    const line = `${parts.join(', ')} cases in ${seconds().toFixed(0)} s (${(all / seconds()).toFixed(0)}/s), seed ${seed}`;
    process.stderr.write(process.stderr.isTTY ? `\r${line}${end}` : `${line}\n`);
  };
  for (let round = 0; modes.some((mode) => done[mode] < cases); round += 1) {
    const crowd = crowdOf(worlds, seed + round);
    const project = await trial.settle(crowd.flat());
    for (const mode of modes.filter((one) => done[one] < cases)) {
      for (const question of questionsOf(mode, perCrowd, seed + round, steps)) {
        if (seconds() > minutes * 60) {
          progress('\n');
          return 0;
        }
        const difference = await trial.compare(project, crowd, question);
        done[mode] += crowd.length;
        if (difference === undefined) continue;
        progress('\n');
        process.stdout.write(
          `${describe(difference)}\nagain: --seed ${seed + round} --mode ${mode} --worlds ${worlds} --questions ${perCrowd} --steps ${steps}\n`,
        );
        return 1;
      }
      progress();
    }
    // Projects of rounds that are over only slow the engine down.
    for (const table of ['events', 'visitor_links']) await clickhouse.run(`TRUNCATE TABLE ${table}`);
  }
  progress('\n');
  return 0;
}

void measure(fuzz);
