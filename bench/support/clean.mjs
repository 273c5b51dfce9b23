// What must be gone when a measurement ends, however it ends? Processes and folders register here; Ctrl-C runs the same list.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ends = [];

/** Registers what is to be done at the end; the last registered is done first. @param {() => unknown} end */
export const atEnd = (end) => void ends.push(end);

/** A temporary folder that goes at the end. */
export async function ownFolder(name) {
  const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`));
  atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Ends everything that was registered. */
export async function cleanUp() {
  while (ends.length > 0) {
    try {
      await ends.pop()();
    } catch (error) {
      process.stderr.write(`while cleaning up: ${error.message}\n`);
    }
  }
}

/** Runs a measurement, cleans up after it, and makes its number the exit status. */
export async function measure(main) {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])
    process.once(signal, () => void cleanUp().finally(() => process.exit(code)));
  let code = 1;
  try {
    code = await main();
  } catch (error) {
    process.stderr.write(`${error.stack ?? error}\n`);
  }
  await cleanUp();
  process.exit(code);
}
