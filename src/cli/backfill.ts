// `npm run backfill`: has the history of projects derived anew, and shows how far that is.
import { runCommand, terminal } from './command';
import { backfillCommand } from './rollups/backfill-command';

void runCommand('backfill', () => backfillCommand(process.argv.slice(2), process.env, terminal));
