// Does a glob mean the paths that people expect, as picomatch has taught them, and where is ours its own?
import * as fc from 'fast-check';
import picomatch from 'picomatch';
import { globPattern, MAX_GLOB } from './glob';

/** As RE2 reads the pattern: its flag stands in front, `.` and `[^/]` are whole characters. */
const matches = (glob: string, path: string): boolean =>
  new RegExp(globPattern(glob).replace(/^\(\?s\)/, ''), 'su').test(path);

it.each([
  ['/', '/', true],
  ['/', '', false],
  ['/thanks', '/thanks', true],
  ['/thanks', '/thanks/', false],
  ['/thanks', '/thanks/you', false],
  ['/thanks', '/a/thanks', false],
  ['/Thanks', '/thanks', false],
  ['/blog/*', '/blog/a', true],
  ['/blog/*', '/blog/a/b', false],
  ['/blog/*', '/blog', false],
  ['/blog/**', '/blog', true],
  ['/blog/**', '/blog/', true],
  ['/blog/**', '/blog/a/b', true],
  ['/blog/**', '/blogs', false],
  ['/a/**/z', '/a/z', true],
  ['/a/**/z', '/a/b/c/z', true],
  ['/a/**/z', '/az', false],
  ['/a/**/z', '/a/bz', false],
  ['/a/**/**/z', '/a/z', true],
  ['**/z', '/z', true],
  ['**/z', '/a/b/z', true],
  ['**', '/a/b', true],
  ['/**', '/', true],
  ['*', '/', false],
  ['/p?', '/p1', true],
  ['/p?', '/p', false],
  ['/p?', '/p/', false],
  ['/p?', '/p😀', true],
  ['/{a,b}/x', '/b/x', true],
  ['/{a,b}/x', '/c/x', false],
  ['/{a,b{c,d}}', '/bd', true],
  ['/{a,b{c,d}}', '/b', false],
  ['/a{,/b}', '/a', true],
  ['/a{,/b}', '/a/b', true],
  ['{/a/**,/b}', '/a', true],
  ['{/a/**,/b}', '/a/x', true],
  ['{/a/**,/b}/c', '/a/c', true],
  ['{/a/**,/b}c', '/a/xc', true],
  ['{/a/**,/b}c', '/ac', false],
  ['/a,b', '/a,b', true],
])('%s: %s -> %s', (glob, path, expected) => {
  expect(matches(glob, path)).toBe(expected);
});

it.each(['/users/{id}', '/a{b', '/a}b', '/a{b,c', '/{}', '/a.b', '/a+b', '/(a|b)', '/[ab]', '/a\\b', '/^a$'])(
  'takes %s for itself alone',
  (glob) => {
    expect(matches(glob, glob)).toBe(true);
    expect(['/a', '/b', '/ab', '/axb', '/users/id', '/users/1'].filter((path) => matches(glob, path))).toEqual([]);
  },
);

it('keeps the wildcards of a glob with a brace that is not closed', () => {
  expect([matches('/{a/*', '/{a/b'), matches('/{{a,b}/*', '/{b/c'), matches('/{{a,b}/*', '/b/c')]).toEqual([
    true,
    true,
    false,
  ]);
});

const word = fc.stringMatching(/^[ab]{1,2}$/);
const choice = fc.uniqueArray(word, { minLength: 2, maxLength: 3 }).map((words) => `{${words.join(',')}}`);
const piece = fc.oneof(word, fc.constant('?'), choice);
const text = fc.oneof(word, choice);
const plain = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(''));
/** Stars with text before them. */
const starred = fc.oneof(
  fc.tuple(text, text).map((texts) => texts.join('*')),
  text.map((one) => `${one}*`),
);
const leading = fc.oneof(
  fc.constant('*'),
  text.map((one) => `*${one}`),
);
const globOf = (segments: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(segments, { minLength: 1, maxLength: 4 }).map((all) => `/${all.join('/')}`);
const path = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => `/${words.join('/')}`);

const theirs = (of: string, on: string): boolean => picomatch(of, { dot: true })(on);

it.each([
  ['**', fc.oneof(word, fc.constant('**'))],
  ['*, ? and choices', fc.oneof(plain, starred)],
])('agrees with picomatch on globs of words and %s', (_, segment) =>
  fc.assert(
    // Behind a first part, as `/**` at the very beginning must be something to picomatch.
    fc.property(globOf(segment), path, (end, on) => {
      const of = `/a${end}`;
      expect([of, matches(of, `/a${on}`)]).toEqual([of, theirs(of, `/a${on}`)]);
    }),
    { numRuns: 2_000 },
  ),
);

// picomatch lets some `*` be empty and not others, and `/**` mean nothing behind some parts and not behind others; ours always does.
it('takes all that picomatch takes where both are in one glob', () =>
  fc.assert(
    fc.property(globOf(fc.oneof(plain, starred, leading, fc.constant('**'))), path, (of, on) => {
      expect([of, on, matches(of, on) || !theirs(of, on)]).toEqual([of, on, true]);
    }),
    { numRuns: 2_000 },
  ));

/** Where ours is its own: a path is a text, not a file. Each line says what picomatch says, then what we say. */
it.each<[string, string, string, boolean, boolean]>([
  ['`/**` may be missing at the beginning too', '/**/a', '/a', false, true],
  ['`/**` may be missing after `*` too', '/a*/**', '/a', false, true],
  ['`*` may be empty after `**` too', '/**/*b', '/b', false, true],
  ['a part may be empty, so `*` may be', '/a/*', '/a/', false, true],
  ['text beside `**` leaves it what it is', '/a**', '/a/b', false, true],
  ['there are no ranges', '/{1..3}', '/2', true, false],
  ['there are no classes', '/[ab]', '/a', true, false],
  ['there is no other grouping', '/+(a|b)', '/a', true, false],
  ['nothing is negated', '!/a', '/b', true, false],
  ['nothing is escaped', '/\\*', '/*', true, false],
])('differs from picomatch: %s', (_, of, on, said, ours) => {
  expect([theirs(of, on), matches(of, on)]).toEqual([said, ours]);
});

it('is a pattern for any text whatever, quickly', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'*?{},/ab\\[]()^$.|+é'), maxLength: 40 }), (text) => {
      expect(() => matches(text, text)).not.toThrow();
    }),
    { numRuns: 2_000 },
  );
  const began = performance.now();
  const nested = `${'{,'.repeat(MAX_GLOB / 4)}${'},'.repeat(MAX_GLOB / 4)}`;
  expect(globPattern(nested).length).toBeLessThan(10 * MAX_GLOB);
  expect(performance.now() - began).toBeLessThan(2_000);
});
