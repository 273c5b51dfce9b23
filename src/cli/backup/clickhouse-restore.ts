// How does the warehouse become what the backup holds? Tables as the backup's release knew them, then insert by insert.
import { knownVersions, migrateClickHouse } from '../../platform/clickhouse/migrate';
import { CommandFailed } from '../command';
import type { Manifest, Part } from './manifest';
import { readPart } from './parts';
import type { Warehouse } from './warehouse';

/** @throws CommandFailed where a later release made the backup's tables, which mean what this one does not know */
export async function refuseNewerWarehouse({ clickhouse }: Manifest): Promise<void> {
  const known = await knownVersions();
  if (!clickhouse.migrations.every((version) => known.has(version)))
    throw new CommandFailed('the backup was made by a newer release: restore it with that one, or a later one');
}

/** @throws CommandFailed where the database holds anything */
export async function refuseFullWarehouse(warehouse: Warehouse, database: string): Promise<void> {
  const [found] = await warehouse.rows<{ tables: number }>(
    'SELECT toFloat64(count()) AS tables FROM system.tables WHERE database = {database:String}',
    { database },
  );
  if (found?.tables !== 0)
    throw new CommandFailed(
      'the ClickHouse database is not empty: a backup is restored into a new DATA_DIR, or into two new databases',
    );
}

/** Makes the tables. */
export async function makeTables(url: string, cluster: string | undefined, manifest: Manifest): Promise<void> {
  await migrateClickHouse(url, cluster, Math.max(0, ...manifest.clickhouse.migrations));
}

/** Fills the tables. @param done told after each file */
export async function fillTables(
  warehouse: Warehouse,
  folder: string,
  manifest: Manifest,
  done: (part: Part) => void,
): Promise<void> {
  for (const { name, columns, parts } of manifest.clickhouse.tables)
    for (const part of parts) {
      const token = `${manifest.beganAt} ${part.file}`;
      const written = await warehouse.insert(name, columns, readPart(folder, part), token);
      if (part.rows !== null && written !== null && written < part.rows)
        throw new CommandFailed(`${part.file}: ${written} rows were stored and not ${part.rows}`);
      done(part);
    }
}

/** Leaves one row of each event that came in under two times at the moment of the backup: a server settles these within a minute, and may
 *  not have yet. @param beganAt of the backup @returns how many there were */
export async function settleTwins(warehouse: Warehouse, beganAt: string): Promise<number> {
  const since = Math.floor(Date.parse(beganAt) / 1e3) - 86_400;
  const twins = await warehouse.rows<{ project: number; id: string; at: string; visitor: string }>(
    `SELECT project_id AS project, toString(event_id) AS id, toString(toUnixTimestamp64Milli(min((ts, visitor_id)).1)) AS at,
            toString(min((ts, visitor_id)).2) AS visitor
     FROM events WHERE received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
     GROUP BY project_id, event_id HAVING uniqExact(ts, visitor_id) > 1`,
    { since },
  );
  for (const { project, id, at, visitor } of twins)
    await warehouse.run(
      `DELETE FROM events WHERE project_id = {project:UInt32} AND event_id = {id:UUID}
         AND NOT (ts = fromUnixTimestamp64Milli(toInt64({at:Int64}), 'UTC') AND visitor_id = {visitor:UInt64})`,
      { project, id, at, visitor },
    );
  return twins.length;
}
