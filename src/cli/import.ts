// `npm run import`: sends a web server's access log to a project as pageviews.
import { runCommand, terminal } from './command';
import { importCommand } from './import/command';

void runCommand('import', () => importCommand(process.argv.slice(2), process.env, terminal));
