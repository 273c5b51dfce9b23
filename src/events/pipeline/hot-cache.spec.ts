// Does the memory stay small, and does it remember what is in use?
import { HotCache } from './hot-cache';

describe('HotCache', () => {
  it('never holds more than twice its size', () => {
    const cache = new HotCache<number>(10);
    for (let key = 0; key < 1_000; key++) cache.set(`k${key}`, key);
    expect(cache.count).toBeLessThanOrEqual(20);
    expect(cache.get('k999')).toBe(999);
    expect(cache.get('k0')).toBeUndefined();
  });

  it('keeps what is asked for again and again', () => {
    const cache = new HotCache<number>(10);
    cache.set('hot', 1);
    for (let key = 0; key < 1_000; key++) {
      cache.set(`k${key}`, key);
      expect(cache.get('hot')).toBe(1);
    }
  });
});
