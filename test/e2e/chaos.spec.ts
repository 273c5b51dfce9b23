// Does the promise hold when things break? A short run of some of the trials that `npm run chaos` does at length.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';

/** Trials that are quick, by their names. */
const SHORT = ['kill-server', 'kill-between-steps', 'clickhouse-down', 'clickhouse-errors'];
/** Each is done in 10 to 20 s on a machine that has nothing else to do; a busy one gets the time that the trials give themselves. */
const LIMIT_MS = 960_000;

interface Row {
  name: string;
  acknowledged: number;
  lost: number;
  doubled: number;
  /** Undefined where this machine can't do it. */
  held?: boolean;
  details: string[];
}

const run = (file: string, ...args: string[]) =>
  new Promise<{ status: number | null; said: string }>((resolve) => {
    const child = execFile(process.execPath, [join(packageRoot, 'bench', file), ...args], (_error, said) =>
      resolve({ status: child.exitCode, said }),
    );
  });

it.each(SHORT)(
  'loses nothing and counts nothing twice: %s',
  async (name) => {
    const { status, said } = await run('chaos.mjs', '--short', '--json', '--only', name);
    const [row] = (said.startsWith('[') ? JSON.parse(said) : []) as Row[];
    // Where it does not hold, the trial's own words say why.
    expect(row?.held === true ? [] : row?.details).toEqual([]);
    expect(row).toMatchObject({ name, lost: 0, doubled: 0 });
    expect(row?.acknowledged).toBeGreaterThan(20);
    expect(status).toBe(0);
  },
  LIMIT_MS,
);

it('says which trials there are, each with a number of its own, and refuses one that nobody knows', async () => {
  const { said, status } = await run('chaos.mjs', '--list');
  const numbers = [...said.matchAll(/^(\d+) [\w-]+ /gm)].map(([, number]) => Number(number));
  expect(status).toBe(0);
  expect(numbers.length).toBeGreaterThanOrEqual(SHORT.length);
  expect(numbers.every((number, at) => number > 0 && numbers.indexOf(number) === at)).toBe(true);
  expect(await run('chaos.mjs', '--only', 'nobody-knows')).toMatchObject({ status: 2, said: '' });
}, 60_000);
