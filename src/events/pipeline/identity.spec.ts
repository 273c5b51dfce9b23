// Is a visitor the same visitor where that is meant, and nobody else anywhere?
import { createHash } from 'node:crypto';
import { flagBits } from './event-row';
import { hashIdentifier, hexToUInt64, uint64ToHex } from './identity';
import { accepted, aProject, NOON } from './world.fixture';

const DAY = 86_400_000;
const other = aProject({}, { number: 8, secret: Buffer.alloc(32, 6) });
const unidentified = { visitorId: undefined };
const visitor = (...of: Parameters<typeof accepted>): string => accepted(...of).row.visitor_id;

describe('deriveVisitor', () => {
  it('writes the hash that look-ups ask for, by kind', () => {
    const { row } = accepted({ visitorId: 'x', userId: 'x', sessionId: 'x' });
    const found = [row.visitor_id, row.user_id, row.session_id].map(uint64ToHex);
    expect(found).toEqual((['v', 'u', 's'] as const).map((kind) => hashIdentifier(aProject(), kind, 'x')));
    expect(new Set(found).size).toBe(3);
  });

  it('has other hashes in other projects', () => {
    expect(visitor({ visitorId: 'x' })).not.toBe(visitor({ visitorId: 'x' }, { project: other }));
  });

  it('does not mistake one kind’s text for another’s', () => {
    expect(hashIdentifier(other, 'v', 'x')).not.toBe(hashIdentifier(other, 'v', '\0x'));
    expect(hashIdentifier(other, 'v', 'ux')).not.toBe(hashIdentifier(other, 'u', 'x'));
  });

  it('is the first 64 bits of a SHA-256 keyed by the secret, so that every replica and version agrees', () => {
    const keyed = `${'05'.repeat(32)}v\0ann`;
    const expected = createHash('sha256').update(keyed).digest('hex').slice(0, 16);
    expect(hashIdentifier(aProject(), 'v', 'ann')).toBe(expected);
    expect(visitor({ visitorId: 'ann' })).toBe(BigInt(`0x${expected}`).toString());
  });

  it('gives a user without a visitorId the visitor that has the user’s hash, with a stable key', () => {
    const { row, keyStable } = accepted({ visitorId: undefined, userId: 'u1', timestamp: NOON });
    expect(row.visitor_id).toBe(row.user_id);
    expect(keyStable).toBe(true);
    expect(row.flags & flagBits.derivedVisitor).toBe(0);
  });

  it('derives a visitor from address, user agent, project and day, and marks it', () => {
    const base = accepted({ ...unidentified, timestamp: NOON });
    expect(base.row.flags).toBe(flagBits.derivedVisitor);
    expect(base.keyStable).toBe(false);
    expect(visitor({ ...unidentified, timestamp: NOON - 3_600_000 })).toBe(base.row.visitor_id);
    const others = [
      visitor({ ...unidentified, timestamp: NOON }, { address: '203.0.113.8' }),
      visitor({ ...unidentified, timestamp: NOON }, { userAgent: 'x' }),
      visitor({ ...unidentified, timestamp: NOON }, { project: other }),
      visitor({ ...unidentified, timestamp: NOON - DAY }),
      visitor({ ...unidentified, timestamp: NOON }, { saltOf: () => Buffer.from('another') }),
    ];
    expect(new Set([base.row.visitor_id, ...others]).size).toBe(6);
  });

  it('takes today’s salt for a day whose salt is forgotten, and still tells days apart', () => {
    const today = new Date(NOON).toISOString().slice(0, 10);
    const saltOf = (day: string) => (day === today ? Buffer.from('today') : undefined);
    const old = [2, 3].map((days) => visitor({ ...unidentified, timestamp: NOON - days * DAY }, { saltOf }));
    expect(new Set(old).size).toBe(2);
  });

  it('takes an address inside IPv6 for the address itself', () => {
    for (const address of ['::ffff:203.0.113.7', '::FFFF:cb00:7107', '0:0:0:0:0:ffff:cb00:7107'])
      expect(visitor(unidentified, { address })).toBe(visitor(unidentified));
    expect(visitor(unidentified, { address: '2001:DB8:0::9' })).toBe(
      visitor(unidentified, { address: '2001:db8:0:0:0:0:0:9' }),
    );
  });
});

describe('UInt64 texts', () => {
  it.each([
    ['0000000000000001', '1'],
    ['ffffffffffffffff', '18446744073709551615'],
    ['8000000000000000', '9223372036854775808'],
  ])('%s is %s', (hex, decimal) => {
    expect(hexToUInt64(hex)).toBe(decimal);
    expect(uint64ToHex(decimal)).toBe(hex);
  });
});
