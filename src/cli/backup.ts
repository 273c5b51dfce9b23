// `npm run backup`: copies all that an instance knows into a folder, while it works.
import { runCommand, terminal } from './command';
import { backupCommand } from './backup/backup-command';

void runCommand('backup', () => backupCommand(process.argv.slice(2), process.env, terminal));
