// Runs one of the project's programs: `node scripts/run.mjs dist/cli/import.js --project NAME FILE`.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root, stop } from './prepare.mjs';

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) stop('Say which file to run.');
prepare();
const path = resolve(root, file);
// As if Node had been told to run that file.
process.argv = [process.argv[0], path, ...rest];
await import(pathToFileURL(path).href);
