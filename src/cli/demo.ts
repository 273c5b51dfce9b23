// `npm run demo`: fills a project with 30 days of believable traffic, and says where to look.
import { runCommand, terminal } from './command';
import { demoCommand } from './demo/command';

void runCommand('demo', () => demoCommand(process.argv.slice(2), process.env, terminal, Date.now()));
