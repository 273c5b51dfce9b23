// Does a path fit the globs that it fits as a pattern, in a time that nobody can make long?
import * as fc from 'fast-check';
import { globPattern } from './glob';
import { matcherOf } from './glob-match';

/** As RE2 reads the pattern: its flag stands in front, `.` and `[^/]` are whole characters. */
const fits = (glob: string, path: string): boolean =>
  new RegExp(globPattern(glob).replace(/^\(\?s\)/, ''), 'su').test(path);

const unit = fc.constantFrom(...'*?{},/abé😀', '**', '/**', '{a,', '/a');
const glob = fc.string({ unit, maxLength: 12 });
const path = fc.string({ unit: fc.constantFrom(...'/abé😀,{'), maxLength: 10 });

it('agrees with the pattern of the glob', () =>
  fc.assert(
    fc.property(glob, path, (of, on) => {
      expect([of, on, matcherOf([of])(on)]).toEqual([of, on, fits(of, on)]);
    }),
    { numRuns: 5_000 },
  ));

it('is fitted where one of the globs is, one path after the other', () =>
  fc.assert(
    fc.property(fc.array(glob, { maxLength: 6 }), fc.array(path, { maxLength: 4 }), (globs, paths) => {
      const matches = matcherOf(globs);
      for (const on of paths) expect(matches(on)).toBe(globs.some((of) => fits(of, on)));
    }),
    { numRuns: 1_000 },
  ));

it.each([
  ['stars', `/${'*a'.repeat(30)}x`, `/${'a'.repeat(2_000)}`],
  ['double stars', `${'**a'.repeat(160)}x`, 'a'.repeat(2_000)],
  ['parts', '/**/a/**/a/**/a/**/a/**/a/**/a/**/x', '/a'.repeat(1_000)],
  ['choices', `/${'{a,aa}'.repeat(80)}x`, `/${'a'.repeat(100)}`],
  ['nothing', '*'.repeat(500), '/'],
  ['choices within choices', `/${'{a,'.repeat(120)}b${'}'.repeat(120)}`, '/b'],
])('takes no long time over many %s', (_what, of, on) => {
  const matches = matcherOf([of]);
  const began = performance.now();
  matches(on);
  expect(performance.now() - began).toBeLessThan(1_000);
});
