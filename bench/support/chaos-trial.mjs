// One trial in a process of its own, so that nothing of it is left for the next: `bench/chaos.mjs` starts it, and gets what it says as messages.
import { pathToFileURL } from 'node:url';
import { measure, ownFolder } from './clean.mjs';

const [file, mode] = process.argv.slice(2);
const tell = (message) => new Promise((resolve) => process.send(message, resolve));

await measure(async () => {
  const { trial } = await import(pathToFileURL(file).href);
  try {
    const result = await trial.run({
      short: mode === 'short',
      note: (line) => void process.send({ note: String(line) }),
      folder: await ownFolder(`chaos-${trial.name}`),
    });
    await tell({ result });
  } catch (error) {
    await tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  return 0;
});
