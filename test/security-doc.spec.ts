// Does docs/security.md name tests that are there? Each promise of it stands beside the test that says so.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/config/paths';

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');
const text = read('docs/security.md');

/** Each `file` "name" of the text; a name may stand on the line after its file. */
const named = [...text.matchAll(/`((?:src|test)\/[\w./-]+\.spec\.ts)`\s+"([^"]+)"/g)].map(
  ([, file = '', name = '']) => [file, name] as const,
);

it('names tests that are there', () => {
  const missing = named.filter(
    ([file, name]) => !existsSync(join(packageRoot, file)) || !read(file).includes(`'${name}'`),
  );
  expect(missing).toEqual([]);
  expect(named.length).toBeGreaterThan(50);
});

it('says of every file of tests which test of it is meant', () => {
  const files = [...text.matchAll(/`((?:src|test)\/[^`]+)`/g)];
  expect(files).toHaveLength(named.length);
});

it('says of each item how it is met, or that it is open', () => {
  const items = text.split(/\n(?=- \*\*|## )/).filter((part) => part.startsWith('- **'));
  const bare = items.filter((item) => !/\.spec\.ts`|\*\*Open:\*\*/.test(item)).map((item) => item.slice(0, 60));
  expect(bare).toEqual([]);
});
