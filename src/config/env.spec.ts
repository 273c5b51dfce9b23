// Which configurations are refused before anything starts? Those that would open a door quietly.
import { InvalidEnv, readEnv } from './env';

const isRefused = (name: string, value: string): boolean => {
  try {
    readEnv({ [name]: value });
    return false;
  } catch (error) {
    // The value itself is told to nobody: it may be a secret.
    return (
      error instanceof InvalidEnv &&
      error.lines.every((line) => line.startsWith(`${name} must be:`) && !line.includes(value))
    );
  }
};

describe('ROOT_API_KEY', () => {
  it.each(['short-secret', '9f86d081884c7d659a2feaa0c55ad01'])('can not be %s', (value) => {
    expect(isRefused('ROOT_API_KEY', value)).toBe(true);
  });

  it.each([
    '9f86d081884c7d659a2feaa0c55ad015',
    'Kq3v-8Zt_1bXw0YpLr5sMd7uEfGh2JnC',
    'correct horse battery staple, twice',
    'x'.repeat(32),
    'Kq3v-8Zt'.repeat(64),
  ])('can be %s', (value) => {
    expect(readEnv({ ROOT_API_KEY: value }).ROOT_API_KEY).toBe(value);
  });

  it('has no default', () => {
    expect(readEnv({}).ROOT_API_KEY).toBeUndefined();
  });
});

describe('REDIS_URL', () => {
  it.each(['redis://127.0.0.1/abc', 'redis://127.0.0.1/1.5', 'rediss://r.example/-1', 'http://127.0.0.1'])(
    'can not be %s',
    (value) => {
      expect(isRefused('REDIS_URL', value)).toBe(true);
    },
  );

  it.each(['redis://127.0.0.1', 'redis://user:secret@r.example:6380/', 'rediss://r.example/15'])(
    'can be %s',
    (value) => {
      expect(readEnv({ REDIS_URL: value }).REDIS_URL).toBe(value);
    },
  );
});

describe('TRUST_PROXY', () => {
  it.each([
    'true',
    '*',
    '10',
    '-1',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/8, 0.0.0.0/0',
    '10.0.0.0/33',
    '10.0.0/8',
    '999.1.1.1',
    '::ffff:10.0.0.0/8',
    '::ffff:10.0.0.1',
    'fe80::1%eth0',
    '2001:db8::/129',
    'proxy.example',
    '10.0.0.1,',
  ])('can not be %s', (value) => {
    expect(isRefused('TRUST_PROXY', value)).toBe(true);
  });

  it.each([
    ['0', 0],
    ['2', 2],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, 2001:db8::/32', ['10.0.0.0/8', '2001:db8::/32']],
  ])('can be %s', (value, read) => {
    expect(readEnv({ TRUST_PROXY: value }).TRUST_PROXY).toEqual(read);
  });

  it('is nobody by default', () => {
    expect(readEnv({}).TRUST_PROXY).toBe(0);
  });
});
