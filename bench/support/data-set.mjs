// Where does a data set live, and how is it opened? A data directory as the server's own, with the stores started here, so that both
// the server and a measurement can reach them, and a file that says what is in it.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { atEnd } from './clean.mjs';
import { EngineHttp } from './engine-http.mjs';
import { root, Server } from './server.mjs';

const built = (path) => createRequire(import.meta.url)(join(root, 'dist', path));

/** Where a data set of so many rows is kept unless somebody says otherwise. */
export const usualFolder = (rows) => join(tmpdir(), `millrace-bench-data-${rows}`);

/** The folder of the data set to ask, which must be there: else the program ends and says how it is made. */
export function dataFolder(asked) {
  const folder = asked ?? usualFolder('100M');
  if (existsSync(folder)) return folder;
  process.stderr.write(`There is no ${folder}; make it with: npm run bench:data -- --rows 100M --dir ${folder}\n`);
  return process.exit(2);
}

/** A data set whose stores run. They end with the measurement; the data stay. */
export class DataSet {
  static async open(dir) {
    const set = new DataSet();
    const { startEmbeddedStores } = built('embedded/stores.js');
    const { makeLogger } = built('platform/logging/logger.js');
    const memory = Number(process.env.CLICKHOUSE_MEMORY_MB ?? 0);
    const stores = await startEmbeddedStores(
      { DATA_DIR: resolve(dir), CLICKHOUSE_MEMORY_MB: memory },
      makeLogger('error'),
      (reason) => {
        process.stderr.write(`${reason.message}\n`);
        process.exit(1);
      },
    );
    atEnd(() => stores.close());
    set.stores = stores;
    set.folder = stores.dataDir;
    set.engine = new EngineHttp(stores.urls.clickhouse);
    set.file = join(stores.dataDir, 'bench-data.json');
    set.state = existsSync(set.file) ? JSON.parse(readFileSync(set.file, 'utf8')) : undefined;
    return set;
  }

  /** Writes down what is done; a file that is read is always whole. */
  save() {
    writeFileSync(`${this.file}.new`, `${JSON.stringify(this.state)}\n`);
    renameSync(`${this.file}.new`, this.file);
  }

  /** A server on these stores. @param env further variables */
  startServer(env = {}) {
    const { postgres, clickhouse } = this.stores.urls;
    return Server.start({ ...env, DATABASE_URL: postgres, CLICKHOUSE_URL: clickhouse }, this.folder);
  }

  /** Asks Postgres, on a connection for this one question. @returns rows */
  async postgres(text, values = []) {
    const client = new pg.Client({ connectionString: this.stores.urls.postgres });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Process ids of the stores. */
  get pids() {
    return Object.values(this.stores.pids).filter((pid) => pid !== undefined);
  }
}
