// Does `npm run up:cluster` leave anything behind, however it ends? Its processes notice its end by themselves.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths';
import { until } from '../support';
import { aDataDir, endShared } from '../support/spawned-cluster';

// Every process needs seconds to start on a machine that is busy.
jest.setTimeout(300_000);

it('takes its processes with it where it is killed', async () => {
  const dataDir = aDataDir();
  const program = spawn(process.execPath, [join(packageRoot, 'scripts/up-cluster.mjs'), '--port', '0', '--apis', '1'], {
    env: { PATH: process.env['PATH'] ?? '', DATA_DIR: dataDir, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    let said = '';
    for (const stream of [program.stdout, program.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until(
      () => Promise.resolve(said),
      (text) => text.includes('Millrace is ready: API') || program.exitCode !== null,
      240_000,
    );
    const urls = [...said.matchAll(/^(?:api|worker)-1 +(http:\S+)/gm)].map(([, url = '']) => url);
    expect(urls).toHaveLength(2);
    const alive = async (): Promise<string[]> => {
      const answers = await Promise.all(
        urls.map((url) =>
          fetch(`${url}/health/live`).then(
            () => [url],
            () => [],
          ),
        ),
      );
      return answers.flat();
    };
    expect(await alive()).toEqual(urls);

    const ended = once(program, 'exit');
    program.kill('SIGKILL');
    await ended;
    expect(await until(alive, (left) => left.length === 0, 60_000)).toEqual([]);
  } finally {
    program.kill('SIGKILL');
    await endShared(dataDir);
  }
});
