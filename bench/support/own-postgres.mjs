// How does a trial get a Postgres that it may break? The embedded one as a process of the trial's own, which nobody starts again but the trial.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { atEnd, ownFolder } from './clean.mjs';
import { killChild } from './end-child.mjs';
import { freePort, root } from './server.mjs';

const built = (path) => createRequire(import.meta.url)(join(root, 'dist', path));
const START_LIMIT_MS = 90_000;

/** A Postgres whose URL stays the same over its ends and starts, as do its data. With full durability. */
export class OwnPostgres {
  #child;
  #data;
  #binaries;
  #user;

  static async start() {
    const store = new OwnPostgres();
    const folder = await ownFolder('postgres');
    store.#data = join(folder, 'data');
    store.#binaries = await built('embedded/postgres-binaries.js').findPostgres();
    store.#user = (await built('embedded/postgres-user.js').postgresUser(store.#data)) ?? {};
    if (store.#user.uid !== undefined) chownSync(folder, store.#user.uid, store.#user.gid);
    else chmodSync(folder, 0o700);
    const made = spawnSync(
      store.#binaries.initdb,
      ['-D', store.#data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
      { ...store.#user, cwd: folder, encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error?.message}`);
    store.port = await freePort();
    store.url = `postgres://postgres@127.0.0.1:${store.port}/postgres`;
    atEnd(() => store.kill());
    await store.boot();
    return store;
  }

  /** Starts the process. @returns milliseconds until it answers */
  async boot() {
    const startedAt = performance.now();
    const args = ['-D', this.#data, '-p', String(this.port), '-h', '127.0.0.1', '-k', '', '-c', 'max_connections=100'];
    this.#child = spawn(this.#binaries.postgres, args, {
      ...this.#user,
      cwd: this.#data,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: 'ignore',
    });
    while (!(await this.#answers())) {
      if (this.#child.exitCode !== null || performance.now() - startedAt > START_LIMIT_MS)
        throw new Error('Postgres did not start');
      await sleep(50);
    }
    return performance.now() - startedAt;
  }

  /** kill -9 of the postmaster, and waits for its end; its children notice and end too. */
  kill() {
    return killChild(this.#child);
  }

  /** Runs a statement, as somebody who may do everything. @returns its rows */
  async run(text, values = []) {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async #answers() {
    try {
      await this.run('SELECT 1');
      return true;
    } catch {
      return false;
    }
  }
}
