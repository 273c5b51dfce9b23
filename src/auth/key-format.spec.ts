// Does the form of a key hold what the contract says, for many keys and every single slip?
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { hashOfKeyText, kindOfKeyText, newKeyText } from './key-format';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const kinds = ['pub', 'sec', 'adm', 'root'] as const;

/** CRC-32 (IEEE, reflected), bit by bit: another way to the same figure. */
const slowCrc = (text: string): number => {
  let crc = 0xffff_ffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
};

describe('the text of a key', () => {
  it('has the form of the contract and is recognised, 100,000 times, without a repeat', () => {
    const seen = new Set<string>();
    let wrong = 0;
    for (let count = 0; count < 100_000; count += 1) {
      const kind = kinds[count % 4] ?? 'pub';
      const text = newKeyText(kind);
      if (!/^mr_(pub|sec|adm|root)_[0-9A-Za-z]{30}[0-9A-Za-z]{6}$/.test(text) || kindOfKeyText(text) !== kind)
        wrong += 1;
      seen.add(text);
    }
    expect([wrong, seen.size]).toEqual([0, 100_000]);
  });

  it('ends with the zero-padded base62 of the CRC32 of all before', () => {
    for (let count = 0; count < 500; count += 1) {
      const text = newKeyText('sec');
      const value = Array.from(text.slice(-6)).reduce((sum, digit) => sum * 62 + BASE62.indexOf(digit), 0);
      expect(value).toBe(slowCrc(text.slice(0, -6)));
    }
  });

  it('is not recognised with any one character changed', () => {
    const text = newKeyText('adm');
    const taken: string[] = [];
    for (let at = 0; at < text.length; at += 1)
      for (const other of BASE62) {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        if (other !== text[at] && kindOfKeyText(changed) !== undefined) taken.push(changed);
      }
    expect(taken).toEqual([]);
  });

  it('is not recognised with two neighbours swapped, cut short, or lengthened', () => {
    fc.assert(
      fc.property(fc.nat(38), fc.string({ minLength: 1, maxLength: 3 }), (at, tail) => {
        const text = newKeyText('pub');
        const swapped = text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2);
        expect(swapped === text ? undefined : kindOfKeyText(swapped)).toBeUndefined();
        expect(kindOfKeyText(text.slice(0, -1 - (at % 40)))).toBeUndefined();
        expect(kindOfKeyText(text + tail)).toBeUndefined();
      }),
    );
  });

  it('answers any text at all, without an error', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => kindOfKeyText(text) === undefined));
  });

  it('is kept as its SHA-256', () => {
    expect(hashOfKeyText('mr_x').toString('hex')).toBe(createHash('sha256').update('mr_x').digest('hex'));
  });
});
