// Do the documents say what the code does? Variables, versions, and nothing that belongs to one machine.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type VariableDoc, variableDocs } from '../src/config/env';
import { packageRoot } from '../src/config/paths';

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');

/** Names in the first column of the table that has them. */
const tableKeys = (markdown: string): string[] =>
  [...markdown.matchAll(/^\| *`([A-Z][A-Z0-9_]+)` *\|/gm)].map(([, name]) => name ?? '');

/** How a variable stands in `.env.example`. */
const asExample = ({ name, purpose, rule, default: value }: VariableDoc): string =>
  `# ${purpose}.\n# Rule: ${rule}.${value === '' ? ' No default.' : ` Default: ${value}.`}\n#${name}=${value}`;

describe('the configuration', () => {
  it('stands in .env.example, each variable with purpose, rule and default', () => {
    const blocks = read('.env.example').trim().split('\n\n').slice(1);
    expect(blocks).toEqual(variableDocs().map(asExample));
  });

  it('stands in README.md, every variable and no other', () => {
    expect(tableKeys(read('README.md')).sort()).toEqual(
      variableDocs()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('is named in docs/operations.md only as it is', () => {
    const known = new Set([...variableDocs().map(({ name }) => name), 'NODE_OPTIONS']);
    const named = [...read('docs/operations.md').matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)/g)].map(
      ([, name]) => name ?? '',
    );
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('the release', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };

  it('has an entry in the change log, the newest first', () => {
    const entries = [...read('CHANGELOG.md').matchAll(/^## \[?(\d+\.\d+\.\d+)\]?/gm)].map(([, entry]) => entry);
    expect(entries[0]).toBe(version);
  });

  it('is the version of the OpenAPI document', () => {
    expect((JSON.parse(read('openapi.json')) as { info: { version: string } }).info.version).toBe(version);
  });
});

describe('committed files', () => {
  const files = execFileSync('git', ['ls-files'], { cwd: packageRoot, encoding: 'utf8' }).trim().split('\n');
  const documents = files.filter((file) => /(\.md|\.json|\.env\.example|\.ya?ml)$/.test(file));

  it('name no folder and no server of one machine', () => {
    expect(documents.length).toBeGreaterThan(3);
    const local = /(^|[\s"'`(=])\/(work|root|home|Users)\/|verdaccio|artifactory|registry\.(?!npmjs\.org)[a-z]/m;
    expect(documents.filter((file) => local.test(read(file)))).toEqual([]);
  });

  it('have a lockfile that installs from whatever registry is configured', () => {
    const lockfile = read('package-lock.json');
    expect(lockfile).not.toContain('"resolved"');
    expect(lockfile).toContain('"integrity"');
  });
});
