// Does the promise hold when the server is killed under load? A short run of what `npm run chaos:kill` does at length.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';

interface Report {
  kills: number;
  acknowledged: number;
  stored: number;
  sent: number;
  lost: number;
  doubled: number;
  foreign: number;
  refusedButStored: number;
}

const chaos = (...args: string[]) =>
  new Promise<{ status: number | null; report: Report; said: string }>((resolve, reject) => {
    const script = join(packageRoot, 'bench', 'chaos-kill.mjs');
    const child = execFile(process.execPath, [script, '--json', ...args], (_error, stdout, stderr) => {
      if (!stdout.startsWith('{')) reject(new Error(stderr));
      else resolve({ status: child.exitCode, report: JSON.parse(stdout) as Report, said: stderr });
    });
  });

it('loses nothing and counts nothing twice when it is killed twice under load', async () => {
  const { status, report } = await chaos('--kills', '2', '--lanes', '4', '--batch', '20');
  expect(report).toMatchObject({ kills: 2, lost: 0, doubled: 0, foreign: 0, refusedButStored: 0 });
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.stored).toBeGreaterThanOrEqual(report.acknowledged);
  expect(status).toBe(0);
}, 240_000);
