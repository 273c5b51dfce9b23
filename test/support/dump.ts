// What lies in the stores, as whoever steals a copy of them would read it? Every table of both, as text.
import { Client } from 'pg';
import { askClickHouse } from './shared-stores';
import type { TestApp } from './test-app';

/** Every table with all of its rows as one text, bytes as hexadecimal digits; of ClickHouse also rows that are deleted and still on the disk.
 *  Postgres' own tables are left out. */
export async function dumpOf({ urls }: Pick<TestApp, 'urls'>): Promise<Map<string, string>> {
  const tables = new Map<string, string>();
  const listed = await askClickHouse(
    urls.clickhouse,
    'SELECT name FROM system.tables WHERE database = currentDatabase()',
  );
  for (const name of listed.trim().split('\n'))
    tables.set(
      `clickhouse.${name}`,
      await askClickHouse(urls.clickhouse, `SELECT * FROM ${name} SETTINGS apply_deleted_mask = 0 FORMAT JSONEachRow`),
    );
  const client = new Client({ connectionString: urls.postgres });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of rows) {
      const found = await client.query<{ row: string }>(`SELECT each::text AS row FROM ${name} AS each`);
      tables.set(`postgres.${name}`, found.rows.map(({ row }) => row).join('\n'));
    }
  } finally {
    await client.end();
  }
  return tables;
}

/** Names of those of these texts in which one of the words stands: as it is, in hexadecimal digits or in base64. */
export const textsWith = (texts: ReadonlyMap<string, string>, words: readonly string[]): string[] => {
  const forms = words.flatMap((word) => [
    word,
    Buffer.from(word).toString('hex'),
    // Without the ends, which depend on what stands before and behind.
    Buffer.from(word)
      .toString('base64')
      .replace(/.{0,4}=*$/, ''),
  ]);
  return [...texts].filter(([, text]) => forms.some((form) => text.includes(form))).map(([name]) => name);
};
