// Does the map stay small, and keep what is used?
import fc from 'fast-check';
import { BoundedMap } from './bounded-map';

it('keeps what was used last, and tells of what had to go', () => {
  const gone: string[] = [];
  const map = new BoundedMap<string, number>(2, (key) => gone.push(key));
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c'), gone]).toEqual([1, undefined, 3, ['b']]);
});

it('holds the most recent of any keys and never more than its limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(20)), (limit, keys) => {
      const map = new BoundedMap<number, number>(limit);
      for (const key of keys) map.set(key, key);
      const recent = [...new Set([...keys].reverse())].slice(0, limit);
      expect([...map].map(([key]) => key).reverse()).toEqual(recent);
    }),
  );
});
