// `npm test`: brings everything in place, then runs jest with whatever arguments are given.
// JEST_SUMMARY names a file that gets jest's summary as JSON, for the CI.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

prepare({ dev: true });
const summary = process.env.JEST_SUMMARY;
const args = [
  join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
  ...(summary ? ['--json', `--outputFile=${summary}`] : []),
  ...process.argv.slice(2),
];
// With --json jest prints the summary too; only people read this, and they have the report on stderr.
const jest = spawn(process.execPath, args, {
  cwd: root,
  stdio: ['inherit', summary ? 'ignore' : 'inherit', 'inherit'],
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => process.exit(code ?? 1));
