// `npm run up:cluster -- [--port 3000] [--apis 2] [--workers 1]`: several processes on this machine, as they would run on many: API servers,
// workers, stores that they share, and a proxy in front. Ctrl-C ends all of it.
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { atEnd, measure } from '../bench/support/clean.mjs';
import { Cluster } from '../bench/support/cluster.mjs';
import { table } from '../bench/support/show.mjs';

const text = { type: 'string' };
const { values } = parseArgs({ options: { port: text, apis: text, workers: text } });
const [port, apis, workers] = [
  values.port ?? process.env.PORT ?? '3000',
  values.apis ?? '2',
  values.workers ?? '1',
].map(Number);
if (!(port >= 0) || !(apis > 0) || !(workers > 0)) {
  process.stderr.write('--port, --apis and --workers are numbers; one of each process at least\n');
  process.exit(2);
}

const say = (name, said) => {
  for (const line of said.split('\n'))
    if (line !== '' && !line.startsWith('Millrace is ready')) process.stdout.write(`${name} | ${line}\n`);
};

await measure(async () => {
  process.stderr.write('Starting the stores and the processes ...\n');
  const { ROOT_API_KEY, DATA_DIR = './data', ...env } = process.env;
  const cluster = await Cluster.start({
    apis,
    workers,
    port,
    env,
    folder: resolve(DATA_DIR),
    rootKey: ROOT_API_KEY ?? null,
    onSaid: say,
  });
  process.stdout.write(`${table([['process', 'address'], ...cluster.members.map(({ name, url }) => [name, url])])}\n`);
  process.stdout.write(
    `Millrace is ready: API ${cluster.front.url}/api/v1, documentation ${cluster.front.url}/docs, in turn from ${apis} processes. Ctrl-C ends all.\n`,
  );
  atEnd(() => process.stderr.write('Ending ...\n'));
  await cluster.supervise((name) => process.stderr.write(`${name} ended, and is started again\n`));
  return 0;
});
