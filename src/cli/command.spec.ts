// What does a person see who asks a command how it is called, or calls it wrong?
import { importCommand } from './import/command';
import { demoCommand } from './demo/command';
import { backupCommand } from './backup/backup-command';
import { restoreCommand } from './backup/restore-command';
import { backfillCommand } from './rollups/backfill-command';
import { verifyCommand } from './rollups/verify-command';
import { ApiFailure } from './client';
import { bindKeys } from './target';
import { CommandFailed, type Output, runCommand, UsageAsked } from './command';

const silent: Output = { line: () => undefined, note: () => undefined, interactive: false };
const commands = {
  import: (args: string[]) => importCommand(args, {}, silent),
  demo: (args: string[]) => demoCommand(args, {}, silent, 0),
  backup: (args: string[]) => backupCommand(args, {}, silent),
  restore: (args: string[]) => restoreCommand(args, {}, silent),
  backfill: (args: string[]) => backfillCommand(args, {}, silent),
  verify: (args: string[]) => verifyCommand(args, {}, silent),
};

describe.each(Object.entries(commands))('npm run %s', (name, command) => {
  it.each(['--help', '-h'])('says how it is called: %s', async (flag) => {
    const told = await command([flag]).catch((error: unknown) => error);
    expect(told).toBeInstanceOf(UsageAsked);
    expect((told as Error).message).toContain(`npm run ${name}`);
  });

  it('says so too where it is called wrong, as a failure', async () => {
    const told = await command(['--no-such-thing']).catch((error: unknown) => error);
    expect(told).toBeInstanceOf(CommandFailed);
    expect(told).not.toBeInstanceOf(UsageAsked);
    expect((told as Error).message).toContain(`npm run ${name}`);
  });
});

describe('a key that begins with a dash', () => {
  const key = `-${'k'.repeat(39)}`;
  const nowhere = ['--url', 'http://127.0.0.1:9', '--key', key];
  it.each([
    ['import', () => commands.import([...nowhere, '--format', 'combined', '--project', 'X', __filename])],
    ['demo', () => commands.demo([...nowhere, '--days', '1'])],
    ['backfill', () => commands.backfill([...nowhere, '--all'])],
    ['verify', () => commands.verify([...nowhere, '--all'])],
  ])('is a key to %s', async (_, asked) => {
    await expect(asked()).rejects.toThrow(ApiFailure);
  });

  it('leaves what is around it as it is', () => {
    expect(bindKeys(['a', '--key', key, '-h'])).toEqual(['a', `--key=${key}`, '-h']);
    expect(bindKeys(['--key', '--key', '--url', 'u'])).toEqual(['--key=--key', '--url', 'u']);
    expect(bindKeys([`--key=${key}`, '--key'])).toEqual([`--key=${key}`, '--key']);
    expect(bindKeys([])).toEqual([]);
  });
});

describe('a command ends', () => {
  const exitCode = process.exitCode;
  const written: string[] = [];
  beforeEach(() => {
    written.length = 0;
    for (const stream of [process.stdout, process.stderr])
      jest.spyOn(stream, 'write').mockImplementation((text) => {
        written.push(`${stream === process.stdout ? 'out' : 'err'}: ${String(text)}`);
        return true;
      });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = exitCode;
  });

  it.each([
    ['with its own number', () => Promise.resolve(3), 3, []],
    ['with 0 after help', () => Promise.reject(new UsageAsked('works', 'npm run x')), 0, ['out: works\n\nnpm run x\n']],
    ['with 1 and one line where it failed', () => Promise.reject(new CommandFailed('no')), 1, ['err: x: no\n']],
  ])('%s', async (_, command, code, lines) => {
    await runCommand('x', command);
    expect([process.exitCode, written]).toEqual([code, lines]);
  });
});
