import { Logger } from '@nestjs/common';
import { makeLogger, NestLogger } from './logger';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly context?: string;
  readonly [field: string]: unknown;
}

/** What one call writes. */
function written(log: (nest: NestLogger) => void): Line {
  const lines: string[] = [];
  log(new NestLogger(makeLogger('trace', { write: (line) => void lines.push(line) })));
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Line;
}

describe('NestLogger', () => {
  it('writes fields, the reason of a failure among them, beside the message', () => {
    const line = written((nest) =>
      nest.warn({ chore: 'merge', err: new Error('no room') }, 'a chore failed', 'Chores'),
    );
    expect(line).toMatchObject({ level: 'warn', msg: 'a chore failed', context: 'Chores', chore: 'merge' });
    expect(line.err).toMatchObject({ type: 'Error', message: 'no room', stack: expect.stringContaining('no room') });
  });

  it('hides secrets in fields', () => {
    expect(written((nest) => nest.log({ authorization: 'Bearer x' }, 'asked', 'Auth')).authorization).toBe(
      '[redacted]',
    );
  });

  it('writes a message alone', () => {
    expect(written((nest) => nest.warn('it waits', 'Usage'))).toMatchObject({ msg: 'it waits', context: 'Usage' });
  });

  it('writes the stack that Nest passes between message and context', () => {
    const line = written((nest) => nest.error('it broke', 'at here', 'Router'));
    expect(line).toMatchObject({ level: 'error', msg: 'it broke', stack: 'at here', context: 'Router' });
  });

  it('writes an error by its message', () => {
    expect(written((nest) => nest.error(new Error('it broke'), 'Router'))).toMatchObject({
      msg: 'it broke',
      err: { type: 'Error', message: 'it broke' },
      context: 'Router',
    });
  });

  it('writes an object that has no message', () => {
    expect(written((nest) => nest.warn({ a: 1 }, 'Router'))).toMatchObject({ msg: 'nest', details: { a: 1 } });
  });

  it('takes what Nest’s own Logger hands on', () => {
    const line = written((nest) => {
      Logger.overrideLogger(nest);
      new Logger('Chores').warn({ chore: 'merge' }, 'a chore failed');
      Logger.overrideLogger(false);
    });
    expect(line).toMatchObject({ msg: 'a chore failed', context: 'Chores', chore: 'merge' });
  });
});
