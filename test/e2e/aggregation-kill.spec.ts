// Is what is derived right when the server is killed in the middle of deriving it? A short run of what `npm run chaos:aggregation` does at length.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';

interface Report {
  endedInStep: number;
  acknowledged: number;
  cells: number;
  compared: number;
}

const chaos = (...args: string[]) =>
  new Promise<{ status: number | null; report: Report; said: string }>((resolve, reject) => {
    const script = join(packageRoot, 'bench', 'chaos-aggregation.mjs');
    const child = execFile(process.execPath, [script, '--json', ...args], (_error, stdout, stderr) => {
      if (!stdout.startsWith('{')) reject(new Error(stderr));
      else resolve({ status: child.exitCode, report: JSON.parse(stdout) as Report, said: stderr });
    });
  });

it('derives what is right however often it is killed while it does', async () => {
  const { status, report } = await chaos('--kills', '5', '--within', '4', '--lanes', '2', '--batch', '10');
  expect(report).toMatchObject({ kills: 5, lost: 0, doubled: 0, wrong: 0, moving: 0, wrongAuto: 0, wrongExact: 0 });
  expect(report.endedInStep).toBeGreaterThan(0);
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.cells).toBeGreaterThan(2);
  expect(report.compared).toBeGreaterThan(50);
  expect(status).toBe(0);
}, 300_000);
