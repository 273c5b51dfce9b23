// Does a hostile client get anything out of the server, or keep it from others? A short run of what `npm run fuzz:hostile` does at length.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';

interface Report {
  name: string;
  requests: number;
  faults: string[];
}

/** Quick ones; slow senders take half a minute by their nature, and many streams a machine of their own. */
const SHORT: [name: string, requests: number][] = [
  ['sizes', 30],
  ['compressed', 40],
  ['oddities', 400],
];
/** Each is done in seconds on a machine that has nothing else to do. */
const LIMIT_MS = 600_000;

const attack = (name: string) =>
  new Promise<{ status: number | null; reports: Report[]; said: string }>((resolve, reject) => {
    const script = join(packageRoot, 'bench', 'fuzz', 'hostile.mjs');
    const args = [script, '--short', '--json', '--only', name];
    const child = execFile(process.execPath, args, (_error, stdout, stderr) => {
      if (!stdout.startsWith('[')) reject(new Error(stderr));
      else resolve({ status: child.exitCode, reports: JSON.parse(stdout) as Report[], said: stderr });
    });
  });

it.each(SHORT)(
  'answers every attack as documented, and serves others beside it: %s',
  async (name, requests) => {
    const { status, reports } = await attack(name);
    expect(reports).toMatchObject([{ name, faults: [] }]);
    expect(reports[0]?.requests).toBeGreaterThanOrEqual(requests);
    expect(status).toBe(0);
  },
  LIMIT_MS,
);
