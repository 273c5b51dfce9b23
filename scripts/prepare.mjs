// Is everything in place to run? Node new enough, packages as in the lockfile, sources built; each is done only where it is not.
// No dependencies: this runs before any is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const STAMP = inRoot('dist', '.built-from');

/** Ends with one line. */
export function stop(message, code = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

const say = (message) => process.stderr.write(`${message}\n`);

/** Refuses a Node that can't run the server, before anything fails less clearly. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const enough = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  if (!enough) stop(`Millrace needs Node 20.19 or later in 20, or 22.12 or later; this is ${version}.`);
}

/** The first package that is not as the lockfile has it. What may be left out (--omit=optional) is not missed, only outdated. */
function firstMismatch({ dev }) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(inRoot('node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return 'node_modules';
  }
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    const mayMiss = entry.optional || entry.devOptional || (entry.dev && !dev);
    if (found === undefined ? !mayMiss : found.version !== entry.version) return path;
  }
  return undefined;
}

/** Installs from the lockfile where what is installed differs from it. */
export function install({ dev }) {
  const mismatch = firstMismatch({ dev });
  if (mismatch === undefined) return;
  say(
    `Installing packages from the lockfile (${mismatch === 'node_modules' ? 'first start' : `${mismatch} differs`}) ...`,
  );
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []];
  const { status } = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // Standard output belongs to the program that is started afterwards.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, NODE_ENV: '' },
  });
  if (status !== 0) stop('npm ci failed; see above.');
}

/** What the build is made from, as one hash. */
function sourcesHash() {
  const hash = createHash('sha256');
  const add = (path) =>
    hash
      .update(`${path}\0`)
      .update(readFileSync(inRoot(path)))
      .update('\0');
  const walk = (folder) => {
    for (const entry of readdirSync(inRoot(folder), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (!entry.name.endsWith('.spec.ts')) add(path);
    }
  };
  walk('src');
  for (const path of ['.swcrc', 'tsconfig.json']) add(path);
  return hash.digest('hex');
}

const isBuiltFrom = (hash) => {
  try {
    return readFileSync(STAMP, 'utf8') === hash;
  } catch {
    return false;
  }
};

/** Compiles `src` to `dist` where sources changed. The new build takes the old one's place at once, so a start beside it sees one or the other. */
export function build(hash = sourcesHash()) {
  if (isBuiltFrom(hash)) return;
  say('Building ...');
  const fresh = inRoot('node_modules', `.millrace-build-${process.pid}`);
  const old = inRoot('node_modules', `.millrace-build-${process.pid}-old`);
  try {
    const cli = inRoot('node_modules', '@swc', 'cli', 'bin', 'swc.js');
    const args = [
      'src',
      '--out-dir',
      fresh,
      '--strip-leading-paths',
      '--copy-files',
      '--ignore',
      '**/*.spec.ts',
      '--quiet',
    ];
    const { status } = spawnSync(process.execPath, [cli, ...args], { cwd: root, stdio: ['ignore', 2, 2] });
    if (status !== 0) stop('The build failed; see above.');
    writeFileSync(join(fresh, '.built-from'), hash);
    if (existsSync(inRoot('dist'))) renameSync(inRoot('dist'), old);
    renameSync(fresh, inRoot('dist'));
  } catch (error) {
    // Another process may have put the same build there in between.
    if (!isBuiltFrom(hash)) throw error;
  } finally {
    for (const path of [fresh, old]) rmSync(path, { recursive: true, force: true });
  }
}

/** Everything. `dev`: the tools for building and testing are needed too. */
export function prepare({ dev = false } = {}) {
  checkNode();
  const hash = sourcesHash();
  install({ dev: dev || !isBuiltFrom(hash) });
  build(hash);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prepare();
