// Does a sealed answer open with its secret, and with nothing else?
import fc from 'fast-check';
import { seal, unseal } from './seal';

describe('a sealed answer', () => {
  it('opens to what it was, with the secret it was sealed with', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, secret) =>
        Buffer.from(bytes).equals(unseal(seal(Buffer.from(bytes), secret), secret) ?? Buffer.from('wrong')),
      ),
    ));

  it('does not open with another secret, cut short, or with a byte changed', () =>
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (bytes, at) => {
        const sealed = seal(Buffer.from(bytes), 'right');
        const changed = Buffer.from(sealed);
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ 1;
        expect(unseal(sealed, 'wrong')).toBeUndefined();
        expect(unseal(sealed.subarray(0, -1), 'right')).toBeUndefined();
        expect(unseal(changed, 'right')).toBeUndefined();
      }),
    ));

  it('does not show what it holds', () => {
    expect(seal(Buffer.from('mr_adm_secret'), 'x').includes('mr_adm')).toBe(false);
  });
});
