// Where are the stores that a test run shares, and how does a test get databases of its own on them?
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { StoreUrls } from '../../src/config/env';

const NAMES = { postgres: 'MILLRACE_TEST_POSTGRES', clickhouse: 'MILLRACE_TEST_CLICKHOUSE' } as const;

/** The stores of this run. */
export const sharedStores = {
  /** For the global setup: jest's workers inherit the environment. */
  announce(urls: StoreUrls): void {
    process.env[NAMES.postgres] = urls.postgres;
    process.env[NAMES.clickhouse] = urls.clickhouse;
  },
  /** @throws in a run that was started for files under `src/` only */
  urls(): StoreUrls {
    const postgres = process.env[NAMES.postgres];
    const clickhouse = process.env[NAMES.clickhouse];
    if (postgres === undefined || clickhouse === undefined)
      throw new Error('This run has no stores: tests that need them live under test/');
    return new StoreUrls(postgres, clickhouse);
  },
};

/** An empty Postgres database of its own. @returns its URL */
export async function aPostgresDatabase(): Promise<string> {
  const url = new URL(sharedStores.urls().postgres);
  const name = `t_${randomBytes(6).toString('hex')}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  url.pathname = `/${name}`;
  return url.href;
}

/** An empty ClickHouse database of its own. @returns its URL */
export async function aClickHouseDatabase(): Promise<string> {
  const url = new URL(sharedStores.urls().clickhouse);
  const name = `t_${randomBytes(6).toString('hex')}`;
  await askClickHouse(url.href, `CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  return url.href;
}

/** Asks ClickHouse by plain HTTP, past the app and its client. @returns the text of the answer */
export async function askClickHouse(storeUrl: string, query: string): Promise<string> {
  const url = new URL(storeUrl);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
  const database = url.pathname.slice(1);
  const target = `${url.origin}/${database === '' ? '' : `?database=${database}`}`;
  const answer = await fetch(target, { method: 'POST', body: query, headers: { authorization } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse said ${answer.status}: ${text}`);
  return text;
}

/** Databases of its own on both stores. */
export async function someStores(): Promise<StoreUrls> {
  const [postgres, clickhouse] = await Promise.all([aPostgresDatabase(), aClickHouseDatabase()]);
  return new StoreUrls(postgres, clickhouse);
}
