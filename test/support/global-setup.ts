// What stands before the first test? The build, one Postgres and one ClickHouse, shared by the whole run.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnv } from '../../src/config/env';
import { compiled, packageRoot } from '../../src/config/paths';
import { isAlive } from '../../src/embedded/leftover';
import { startEmbeddedStores, type EmbeddedStores } from '../../src/embedded/stores';
import { makeLogger } from '../../src/platform/logging/logger';
import { sharedStores } from './shared-stores';

const PREFIX = 'millrace-test-';

/** What the teardown has to end. */
export interface TestRun {
  stores: EmbeddedStores;
  folder: string;
}

/** Only tests under `test/` need stores: a run of files beside the code starts in no time. */
const needsStores = (patterns: readonly string[]): boolean =>
  patterns.length === 0 || !patterns.every((pattern) => /(^|\/)src(\/|$)/.test(pattern));

/** Jest's global setup. */
export default async function globalSetup(config: { testPathPatterns?: { patterns: string[] } }): Promise<void> {
  if (!needsStores(config.testPathPatterns?.patterns ?? [])) return;
  build();
  removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const stores = await startEmbeddedStores(readEnv({ DATA_DIR: folder }), makeLogger('warn'), (reason) => {
    throw reason;
  });
  sharedStores.announce(stores.urls);
  (globalThis as { testRun?: TestRun }).testRun = { stores, folder };
}

/** `npm test` has built already; a bare `npx jest` gets what compiles, or the last build that did. */
function build(): void {
  try {
    execFileSync(process.execPath, [join(packageRoot, 'scripts', 'prepare.mjs')], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (error) {
    if (!existsSync(compiled('main.js'))) throw error;
    process.stderr.write('The build failed; going on with the last one.\n');
  }
}

/** Folders of runs that were killed. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const pid = Number(name.slice(PREFIX.length).split('-')[0]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
