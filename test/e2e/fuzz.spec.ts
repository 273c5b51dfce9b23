// Is every answer one that the document tells? A short run of what `npm run fuzz` does at length.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';

interface Report {
  seed: number;
  served: number;
  operations: { id: string; requests: number; taken: number; refused: number; away: number }[];
  faults: { operation: string; fault: string; count: number; example: object }[];
}

const fuzz = (...args: string[]) =>
  new Promise<Report>((resolve, reject) => {
    const script = join(packageRoot, 'bench', 'fuzz.mjs');
    execFile(
      process.execPath,
      [script, '--json', ...args],
      { maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        if (!stdout.startsWith('{')) reject(new Error(stderr));
        else resolve(JSON.parse(stdout) as Report);
      },
    );
  });

it('answers every operation as documented, valid requests, wrong ones and payloads alike', async () => {
  const { served, operations, faults } = await fuzz('--runs', '6', '--payloads', '1', '--seed', '1');
  expect(faults).toEqual([]);
  expect(served).toBeGreaterThan(70);
  expect(operations).toHaveLength(served);
  expect(operations.filter(({ requests }) => requests < 12)).toEqual([]);
  expect(operations.filter(({ taken }) => taken === 0)).toEqual([]);
}, 900_000);
