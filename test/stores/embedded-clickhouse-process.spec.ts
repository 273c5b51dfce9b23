// Does the embedded ClickHouse live and die as a process should? Crashes, locks, its parent's end, and memory.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ClickHouseClient } from '@clickhouse/client';
import { clickhouseChildSpec } from '../../src/embedded/clickhouse/launch';
import { PASSWORD, World, aFolder, exitOf, rowsOf, startChild, urlOf } from './embedded-clickhouse.harness';

const clientOf = (url: string): ClickHouseClient =>
  createClient({ url, password: PASSWORD, log: { level: ClickHouseLogLevel.OFF } });

describe('the process of the embedded ClickHouse', () => {
  let folder: ReturnType<typeof aFolder>;
  beforeEach(() => {
    folder = aFolder();
  });
  afterEach(() => folder.remove());

  it('keeps every acknowledged row over kill -9', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 3; round += 1) {
      const started = await startChild({ dataDir: folder.path });
      const client = clientOf(urlOf(started));
      await client.command({ query: 'CREATE TABLE IF NOT EXISTS t (a UInt64) ENGINE = MergeTree ORDER BY a' });
      const rows = await rowsOf<{ n: string }>(client, 'SELECT count() AS n FROM t');
      expect(Number(rows[0]!.n)).toBe(acknowledged);
      for (let batch = 0; batch < 10; batch += 1) {
        await client.insert({ table: 't', values: [{ a: batch }, { a: round }], format: 'JSONEachRow' });
        acknowledged += 2;
      }
      started.child.kill('SIGKILL');
      await exitOf(started.child);
      await client.close();
    }
    expect(acknowledged).toBe(60);
  });

  it('refuses a folder that another process uses, and does that one no harm', async () => {
    const first = await startChild({ dataDir: folder.path });
    const second = await startChild({ dataDir: folder.path });
    expect(second.said).toEqual({ error: expect.stringContaining('Another process uses') });
    expect(await exitOf(second.child)).toBe(76);
    const client = clientOf(urlOf(first));
    expect(await rowsOf(client, 'SELECT 1 AS a')).toEqual([{ a: 1 }]);
    await client.close();
    first.child.stdin!.end();
    expect(await exitOf(first.child)).toBe(0);
  });

  it('says in one line why it cannot start', async () => {
    const file = join(folder.path, 'a-file');
    writeFileSync(file, '');
    const { child, said } = await startChild({ dataDir: join(file, 'below') });
    expect(said).toEqual({ error: expect.stringMatching(/^[^\n]+$/) });
    expect(await exitOf(child)).not.toBe(0);
  });

  it('lets a running query finish on SIGTERM, then ends', async () => {
    const started = await startChild({ dataDir: folder.path });
    const client = clientOf(urlOf(started));
    await client.ping();
    const slow = rowsOf(client, 'SELECT sleep(1) AS s');
    await new Promise((resolve) => setTimeout(resolve, 300));
    started.child.kill('SIGTERM');
    expect(await slow).toEqual([{ s: 0 }]);
    expect(await exitOf(started.child)).toBe(0);
    await client.close();
  });

  it('stops a query that would not finish, then ends', async () => {
    const started = await startChild({ dataDir: folder.path });
    const client = clientOf(urlOf(started));
    await client.ping();
    const endless = rowsOf(client, 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)');
    endless.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const since = performance.now();
    started.child.kill('SIGTERM');
    await expect(endless).rejects.toThrow(/cancelled|aborted|hang up|ECONNRESET/i);
    expect(await exitOf(started.child)).toBe(0);
    expect(performance.now() - since).toBeLessThan(9_000);
    await client.close();
  });

  it('ends with its parent', async () => {
    const spec = clickhouseChildSpec({ dataDir: folder.path, password: PASSWORD });
    const script = `
      const { spawn } = require('node:child_process');
      const child = spawn(${JSON.stringify(spec.command)}, ${JSON.stringify(spec.args)}, { stdio: ['pipe', 'inherit', 'inherit'] });
      child.stdin.write(${JSON.stringify(spec.firstLine)});
      process.stderr.write('');
      console.log(JSON.stringify({ pid: child.pid }));
      setInterval(() => undefined, 1000);`;
    const parent = spawn(process.execPath, ['-e', script], {
      env: { ...process.env, ...spec.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
    const { pid } = JSON.parse((await lines.next()).value as string) as { pid: number };
    expect(JSON.parse((await lines.next()).value as string)).toMatchObject({ ready: true });
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const alive = (): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    for (let tries = 0; alive() && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(alive()).toBe(false);
  });

  it('sends 200 MB and 400 MB in the same memory, at the pace of its reader', async () => {
    const world = await World.start();
    try {
      const read = async (rows: number): Promise<{ bytes: number; highestMb: number }> => {
        const query = `SELECT number, repeat('x', 200) AS s FROM numbers(${rows}) FORMAT JSONEachRow`;
        let [highestMb, bytes, parts] = [world.residentMb(), 0, 0];
        const response = await world.fetch('/', { method: 'POST', body: query });
        for await (const part of response.body! as unknown as AsyncIterable<Uint8Array>) {
          bytes += part.length;
          parts += 1;
          if (parts % 500 !== 0) continue;
          highestMb = Math.max(highestMb, world.residentMb());
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return { bytes, highestMb };
      };
      await read(1);
      const before = world.residentMb();
      const first = await read(1_000_000);
      const second = await read(2_000_000);
      expect([first.bytes > 200_000_000, second.bytes > 400_000_000]).toEqual([true, true]);
      // The engine's blocks and buffers, whatever the length: twice as many rows take no more.
      expect(first.highestMb - before).toBeLessThan(350);
      expect(second.highestMb - first.highestMb).toBeLessThan(100);
    } finally {
      await world.stop();
    }
  });
});
