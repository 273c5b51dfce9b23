// `npm run check`: every check that a change must pass, the quick ones first; stops at the first that fails.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);
const checks = [
  ['format', bin('prettier'), ['--check', '--log-level=warn', '.']],
  ['lint', bin('oxlint'), ['--type-aware']],
  ['types', bin('tsc'), ['--noEmit']],
  ['boundaries', bin('depcruise'), ['src', 'test']],
  ['tests', process.execPath, [join(root, 'scripts', 'test.mjs'), ...process.argv.slice(2)]],
];

prepare({ dev: true });
const done = [];
for (const [name, command, args] of checks) {
  const since = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  done.push(`${status === 0 ? 'passed' : 'FAILED'}  ${name} (${((Date.now() - since) / 1_000).toFixed(1)} s)`);
  if (status !== 0) break;
}
const left = checks.slice(done.length).map(([name]) => `not run ${name}`);
process.stdout.write(`\n${[...done, ...left].join('\n')}\n`);
process.exit(done.at(-1).startsWith('passed') ? 0 : 1);
