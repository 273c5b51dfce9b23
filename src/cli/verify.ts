// `npm run verify`: compares all that is derived with the events it was derived from, and prints what was found.
import { runCommand, terminal } from './command';
import { verifyCommand } from './rollups/verify-command';

void runCommand('verify', () => verifyCommand(process.argv.slice(2), process.env, terminal));
