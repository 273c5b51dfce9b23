// Which numbers do computations get, and which of them count? Every kind of derived rows has its versions from here, and is pointed at by what is read here.
import { sql, type SQL } from 'drizzle-orm';
import type { Postgres } from '../platform/postgres/postgres';
import { rollupCells, rollupMonths } from './aggregation.schema';

/** New versions, no two ever alike. */
export async function newVersions(postgres: Postgres, count: number): Promise<number[]> {
  const { rows } = await postgres.run((db) =>
    db.execute<{ version: string }>(
      sql`SELECT nextval('rollup_versions') AS version FROM generate_series(1, ${count})`,
    ),
  );
  return rows.map(({ version }) => Number(version));
}

/** Versions that something points at: rows of all others are litter. @param among which pointers are looked at; undefined: all */
export async function pointedVersions(postgres: Postgres, among?: { cells: SQL; months: SQL }): Promise<number[]> {
  const [cells, months] = await Promise.all([
    postgres.run((db) =>
      db.select({ version: rollupCells.version, copy: rollupCells.copyVersion }).from(rollupCells).where(among?.cells),
    ),
    postgres.run((db) => db.select({ version: rollupMonths.version }).from(rollupMonths).where(among?.months)),
  ]);
  return [
    ...cells.flatMap(({ version, copy }) => (copy === null ? [version] : [version, copy])),
    ...months.map(({ version }) => version),
  ];
}
