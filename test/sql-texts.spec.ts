// Where could a text become SQL? Only in the places named here: elsewhere values are bound, and the compiler sees to it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageRoot } from '../src/config/paths';

const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
  .map((entry) => join(entry.parentPath, entry.name));

/** Files in which a pattern stands, as paths of the repository. */
const filesWith = (pattern: RegExp): string[] =>
  sources
    .filter((file) => pattern.test(readFileSync(file, 'utf8')))
    .map((file) => relative(packageRoot, file).replaceAll('\\', '/'))
    .sort();

describe('SQL', () => {
  it('looks at the sources', () => expect(sources.length).toBeGreaterThan(300));

  it('for ClickHouse is made of anything but templates and bound values in its own file only', () =>
    expect(filesWith(/new Sql\(/)).toEqual(NUMBERS));

  it('for Postgres is never taken raw into a statement of drizzle', () =>
    expect(filesWith(/sql\.(?:raw|identifier)\(/)).toEqual(RAW));

  it('has texts put into it only where these are of ours', () =>
    // A call with a template that has a place in it: `query(`… ${`.
    expect(filesWith(/\.(?:query|run|execute|exec|command)\(\s*(?:\{\s*(?:query|text):\s*)?`[^`]*\$\{/)).toEqual(
      SPLICED,
    ));
});

const RAW: string[] = [];
/** Numbers of months, years and projects, which the engine wants literally. */
const NUMBERS = [
  'src/aggregation/housekeeping/housekeeping.queries.ts',
  'src/events/ingest/event-store.ts',
  'src/platform/clickhouse/sql.ts',
];
/** Names of databases, tables, channels and sequences, and settings, that the server itself chose; the embedded engine runs what it is sent. */
const SPLICED = [
  'src/cli/backup/postgres-restore.ts',
  'src/cli/backup/warehouse.ts',
  'src/embedded/clickhouse/query.ts',
  'src/embedded/postgres.ts',
  'src/platform/clickhouse/clickhouse.ts',
  'src/platform/clickhouse/migrate.ts',
  'src/realtime/bus/postgres-transport.ts',
];
