// What of ClickHouse is in a backup, and how does it get there? Events, who was linked with whom, and refused events, in pieces.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailed } from '../command';
import { dayChunks, hashChunks, type DayCount } from './chunks';
import type { Part, TableCopy } from './manifest';
import { writePart } from './parts';
import type { Warehouse } from './warehouse';

/** One file that is to be written. */
export interface Piece {
  readonly table: string;
  readonly file: string;
  /** About how many rows it will have. */
  readonly rows: number;
  readonly where: string;
  readonly params: Record<string, unknown>;
}

/** What is to be copied. In this order: a link is stored before the events that say so, so links are read after them. */
const TABLES = ['events', 'visitor_links', 'rejected_events'] as const;
type TableName = (typeof TABLES)[number];

/** A refused event may be 32 kB large. */
const REJECTED_ROWS = 10_000;

/** Days of each month with their rows: what pieces are made of. */
const countDays = (table: TableName, at: string): string => `
  SELECT toYYYYMM(${at}) AS month, toUInt32(toDate(${at})) AS day, toFloat64(count()) AS rows
  FROM ${table} WHERE project_id <= {newest:UInt32} GROUP BY month, day ORDER BY month, day`;

const ofDays = (at: string): string => `
  toYYYYMM(${at}) = {month:UInt32} AND toUInt32(toDate(${at})) BETWEEN {fromDay:UInt32} AND {toDay:UInt32}`;
const ofHashes = (hash: string): string => `${hash} BETWEEN {fromHash:UInt64} AND {toHash:UInt64}`;

/** Plans the pieces of all tables.
 *  @param newest number of the newest project that the backup knows: what belongs to later ones would have no owner */
export async function planPieces(warehouse: Warehouse, newest: number): Promise<Piece[]> {
  const days = (table: TableName, at: string): Promise<DayCount[]> =>
    warehouse.rows<DayCount>(countDays(table, at), { newest });
  const pieces: Omit<Piece, 'file'>[] = [];
  for (const { month, fromDay, toDay, hashes, rows } of dayChunks(await days('events', 'ts')))
    pieces.push({
      table: 'events',
      rows,
      where: `${ofDays('ts')} AND ${ofHashes('visitor_id')}`,
      params: { newest, month, fromDay, toDay, fromHash: hashes.from, toHash: hashes.to },
    });
  const [links] = await warehouse.rows<{ rows: number }>(
    'SELECT toFloat64(count()) AS rows FROM visitor_links WHERE project_id <= {newest:UInt32}',
    { newest },
  );
  const linked = links?.rows ?? 0;
  const stretches = hashChunks(linked);
  for (const { from, to } of stretches)
    pieces.push({
      table: 'visitor_links',
      rows: linked / stretches.length,
      where: ofHashes('visitor_id'),
      params: { newest, fromHash: from, toHash: to },
    });
  const rejected = dayChunks(await days('rejected_events', 'received_at'), REJECTED_ROWS);
  for (const { month, fromDay, toDay, hashes, rows } of rejected)
    pieces.push({
      table: 'rejected_events',
      rows,
      where: `${ofDays('received_at')} AND ${ofHashes('cityHash64(reject_id)')}`,
      params: { newest, month, fromDay, toDay, fromHash: hashes.from, toHash: hashes.to },
    });
  return pieces.map((piece, at) => ({
    ...piece,
    file: `clickhouse/${piece.table}-${String(at).padStart(6, '0')}.native.gz`,
  }));
}

/** Writes the pieces into the backup.
 *  @param done told after each, with its rows */
export async function copyPieces(
  warehouse: Warehouse,
  folder: string,
  pieces: readonly Piece[],
  done: (rows: number) => void,
): Promise<TableCopy[]> {
  await mkdir(join(folder, 'clickhouse'), { mode: 0o700 });
  const copies: TableCopy[] = [];
  for (const name of TABLES) {
    const columns = await columnsOf(warehouse, name);
    const parts: Part[] = [];
    for (const piece of pieces.filter(({ table }) => table === name)) {
      const { stream, rows } = await warehouse.read(
        `SELECT ${columns.join(', ')} FROM ${name} WHERE project_id <= {newest:UInt32} AND ${piece.where}`,
        piece.params,
      );
      parts.push(...(await writePart(folder, piece.file, stream, () => rows)));
      done(piece.rows);
    }
    copies.push({ name, columns, parts });
  }
  return copies;
}

/** Versions of the migrations that the warehouse has. @throws CommandFailed where it is none of ours */
export async function warehouseMigrations(warehouse: Warehouse): Promise<number[]> {
  const [known] = await warehouse.rows<{ tables: number }>(
    `SELECT toFloat64(count()) AS tables FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'`,
  );
  if (known?.tables !== 1) throw new CommandFailed('the ClickHouse database holds no instance');
  const rows = await warehouse.rows<{ version: number }>(
    'SELECT DISTINCT version FROM schema_migrations ORDER BY version',
  );
  return rows.map(({ version }) => version);
}

/** Columns that are stored, in the table's order. */
async function columnsOf(warehouse: Warehouse, table: string): Promise<string[]> {
  const rows = await warehouse.rows<{ name: string }>(
    `SELECT name FROM system.columns
     WHERE database = currentDatabase() AND table = {table:String} AND default_kind IN ('', 'DEFAULT') ORDER BY position`,
    { table },
  );
  return rows.map(({ name }) => name);
}
