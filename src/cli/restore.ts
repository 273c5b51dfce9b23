// `npm run restore`: makes a new instance of a backup.
import { runCommand, terminal } from './command';
import { restoreCommand } from './backup/restore-command';

void runCommand('restore', () => restoreCommand(process.argv.slice(2), process.env, terminal));
