// `npm run openapi`: writes openapi.json from the routes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../config/paths';
import { runCommand, terminal } from './command';
import { openApiText } from './openapi/document';

void runCommand('openapi', async () => {
  const path = join(packageRoot, 'openapi.json');
  writeFileSync(path, await openApiText());
  terminal.line(path);
  return 0;
});
