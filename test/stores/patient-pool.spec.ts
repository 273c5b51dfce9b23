// Does BullMQ's pool wait for a Postgres that is away, and say so in the words that BullMQ waits for?
import { setTimeout as sleep } from 'node:timers/promises';
import { PatientPool } from '../../src/platform/queue/patient-pool';
import { aPostgresDatabase } from '../support';
import { aFaultyStore, type FaultyStore } from '../support/faults';

let store: FaultyStore;
let pool: PatientPool;

beforeEach(async () => {
  store = await aFaultyStore(await aPostgresDatabase());
  pool = new PatientPool({ connectionString: store.url, connectionTimeoutMillis: 300 });
  pool.on('error', () => undefined);
});
afterEach(async () => {
  if (!pool.ended) await pool.end();
  await store.close();
});

it.each(['refuse', 'hang'] as const)('a connection is waited for (%s)', async (fault) => {
  store.set(fault);
  const connected = pool.connect();
  expect(await Promise.race([connected, sleep(1_000, 'waiting')])).toBe('waiting');
  store.set('pass');
  const client = await connected;
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  client.release();
});

it('a query says that the connection was refused, and works again after', async () => {
  store.set('hang');
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  store.set('pass');
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

it('a wrong statement stays a wrong statement', async () => {
  await expect(pool.query('SELEC 1')).rejects.toMatchObject({ code: '42601' });
});

it('after its end nothing fails and nothing spins', async () => {
  await pool.end();
  expect(await Promise.race([pool.connect(), sleep(300, 'quiet')])).toBe('quiet');
});

it('a connection that breaks while it is held ends no process: whoever asks on it is told', async () => {
  const client = await pool.connect();
  const broken = new Promise((resolve) => client.once('end', resolve));
  store.set('refuse');
  await broken;
  await expect(client.query('SELECT 1')).rejects.toThrow(/connection|terminated|queryable/i);
  client.release(true);
  store.set('pass');
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});
