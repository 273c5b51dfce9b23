// What becomes of a second server on a data directory that is in use? Sent away at once, and the first does not notice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { percentile } from '../support/percentile.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

const LIMIT_MS = 5_000;

/** Starts one more as the server is started. @returns how it ended, what it said, and when */
async function another(server) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [server.script], { env: { ...server.env, PORT: '0' }, stdio: 'pipe' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  child.stdout.resume();
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return { code, lines: said.trim().split('\n'), tookMs: performance.now() - startedAt };
}

export const trial = {
  number: 19,
  name: 'second-instance',
  load: '4 lanes, batches of 50',
  faults: '10 more servers on the same data directory, one by one and 5 at once',
  async run({ short, note, folder }) {
    const world = await TrialWorld.start({ folder, note, lanes: 4 });
    const { server } = world;
    world.begin();
    const took = [];
    const judge = ({ code, lines, tookMs }) => {
      took.push(tookMs);
      world.expect(code === 1, `a second server ended with ${code}`);
      world.expect(lines.length === 1, `it said ${lines.length} lines: ${lines.join(' | ').slice(0, 300)}`);
      world.expect(lines[0].includes(`pid ${server.pid}, ${server.url}`), `it does not say who is there: ${lines[0]}`);
    };
    for (let at = 0; at < (short ? 2 : 10); at++) {
      judge(await another(server));
      note(`sent away after ${seconds(took.at(-1))}`);
    }
    const alone = percentile(took, 1);
    for (const one of await Promise.all(Array.from({ length: short ? 2 : 5 }, () => another(server)))) judge(one);
    world.expect(alone <= LIMIT_MS, `one was sent away after ${seconds(alone)} only`);
    world.expect(server.isRunning && (await server.isReady()), 'the first server was harmed');
    world.lines.push(
      `sent away after ${seconds(percentile(took, 0.5))} as a rule, ${seconds(alone)} at most one by one, ${seconds(percentile(took, 1))} at once`,
    );
    return world.verdict(await world.end(), short ? { faults: '2 more servers one by one, and 2 at once' } : {});
  },
};
