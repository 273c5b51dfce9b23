// What is left after the last test? Nothing: the stores end and their folder goes.
import { rmSync } from 'node:fs';
import type { TestRun } from './global-setup';

/** Jest's global teardown. */
export default async function globalTeardown(): Promise<void> {
  const { testRun } = globalThis as { testRun?: TestRun };
  if (testRun === undefined) return;
  await testRun.stores.close();
  rmSync(testRun.folder, { recursive: true, force: true });
}
