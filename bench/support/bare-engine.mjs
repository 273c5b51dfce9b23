// What can the embedded engine take at most here? The same rows, inserted without an API in front of it, in blocks of 5,000.
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { atEnd, ownFolder } from './clean.mjs';
import { endChild } from './end-child.mjs';
import { anEvent, newId } from './events.mjs';
import { freePort, root } from './server.mjs';

const require = createRequire(import.meta.url);
const built = (path) => require(join(root, 'dist', path));

const ROWS_PER_BLOCK = 5_000;
const PREPARED_BLOCKS = 6;
const PATIENCE_MS = 8_000;

/** Inserts for `seconds`, one block after the other, encoding included: `lanes` blocks are under way at once.
 *  @returns {Promise<{ rows: number, seconds: number, stored: number }>} */
export async function runBareEngine(seconds, lanes = 2) {
  const { ClickHouse } = built('platform/clickhouse/clickhouse.js');
  const { migrateClickHouse } = built('platform/clickhouse/migrate.js');
  const { readEnv, StoreUrls } = built('config/env.js');
  const { sql } = built('platform/clickhouse/sql.js');
  const { encodeRow, eventColumns } = built('events/pipeline/index.js');

  const url = await startEngine();
  await migrateClickHouse(url, undefined);
  const client = new ClickHouse(readEnv({}), new StoreUrls('', url));
  atEnd(() => client.onApplicationShutdown());

  const blocks = Array.from({ length: PREPARED_BLOCKS }, () => someRows(ROWS_PER_BLOCK));
  let rows = 0;
  let turn = 0;
  const startedAt = performance.now();
  const lane = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      const block = blocks[turn++ % blocks.length];
      let body = '';
      for (const row of block) body += `${encodeRow({ ...row, event_id: newId() })}\n`;
      await client.insert({ table: 'events', columns: eventColumns, body, token: randomUUID() }, 60_000);
      rows += block.length;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const took = (performance.now() - startedAt) / 1000;
  const [{ stored }] = await client.rows(sql`SELECT count() AS stored FROM events FINAL`, { timeoutMs: 0 });
  return { rows, seconds: took, stored: Number(stored) };
}

/** The embedded engine as `npm run clickhouse` serves it. @returns {Promise<string>} its URL */
export async function startEngine() {
  const port = await freePort();
  const folder = await ownFolder('engine');
  const args = [join(root, 'dist', 'cli', 'clickhouse.js'), '--port', String(port), '--data', folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  atEnd(() => endChild(child, PATIENCE_MS, () => child.kill('SIGTERM')));
  await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => text.includes('ClickHouse at') && resolve());
    child.once('exit', () => reject(new Error('the bare engine did not start')));
  });
  return `http://default@127.0.0.1:${port}/default`;
}

/** Rows as the pipeline makes them of the events that the load sends. */
function someRows(count) {
  const { ingestEvent } = built('events/pipeline/index.js');
  const secret = randomBytes(32);
  const now = Date.now();
  const context = {
    project: {
      id: randomUUID(),
      number: 1,
      name: 'bench',
      timezone: 'UTC',
      domains: [],
      secret,
      createdAt: now,
      updatedAt: now,
      settings: {
        retentionDays: null,
        excludedIps: [],
        excludedCountries: [],
        excludedPaths: [],
        botPolicy: 'keep',
        rateLimit: null,
        allowedOrigins: [],
        storeIp: false,
      },
    },
    receivedAt: now,
    retainedFrom: Number.NEGATIVE_INFINITY,
    address: '127.0.0.1',
    userAgent: '',
    trusted: true,
    saltOf: () => secret,
    geo: () => ({ country: 'DE', region: 'Berlin', city: 'Berlin' }),
    newId: randomUUID,
  };
  return Array.from({ length: count }, () => {
    const outcome = ingestEvent(anEvent(newId()), context);
    if (outcome.kind !== 'event')
      throw new Error(`an event of the load is ${outcome.kind}: ${JSON.stringify(outcome)}`);
    return outcome.row;
  });
}
