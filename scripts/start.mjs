// `npm start`: brings everything in place, then is the server itself, so that signals need no forwarding.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

prepare();
const { serve } = await import(pathToFileURL(join(root, 'dist', 'main.js')).href);
await serve();
