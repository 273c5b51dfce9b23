// `npm run openapi`: writes openapi.json from the routes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../config/paths';
import { CommandFailed, runCommand, terminal, UsageAsked } from './command';
import { openApiText } from './openapi/document';

const USAGE = 'npm run openapi';

void runCommand('openapi', async () => {
  readArguments(process.argv.slice(2));
  const path = join(packageRoot, 'openapi.json');
  writeFileSync(path, await openApiText());
  terminal.line(path);
  return 0;
});

/** @throws CommandFailed, UsageAsked: there are none to give */
function readArguments(args: string[]): void {
  let asked;
  try {
    asked = parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } }).values.help;
  } catch (error) {
    throw new CommandFailed(`${(error as Error).message}\n\n${USAGE}`);
  }
  if (asked === true) throw new UsageAsked('writes openapi.json, the promise of the API, from the routes', USAGE);
}
