// Do shared stores end when nobody uses them, and not before? The desk alone, with connections of a test.
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeeperDesk } from './keeper-desk';
import { hear, KEEPER_SOCKET, say, type ToKeeper } from './keeper-words';
import { socketPath } from './local-socket';

describe('the desk of a keeper', () => {
  const folder = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let desk: KeeperDesk;
  const open = async (lingerMs: number, keeps = { postgres: true, clickhouse: true }): Promise<void> => {
    desk = await KeeperDesk.open(folder, keeps, lingerMs);
  };
  afterEach(() => desk.close());

  const NEEDS: ToKeeper = { needs: { postgres: true, clickhouse: true } };
  /** A process that says something. @returns its connection, and what it has heard so far */
  const visit = async (words: ToKeeper): Promise<{ socket: Socket; heard: Record<string, unknown>[] }> => {
    const socket = createConnection(socketPath(folder, KEEPER_SOCKET));
    const heard: Record<string, unknown>[] = [];
    hear(socket, (line) => heard.push(line as Record<string, unknown>));
    say(socket, words);
    await until(() => heard.length > 0);
    return { socket, heard };
  };
  const until = async (met: () => boolean): Promise<void> => {
    for (let waited = 0; waited < 10_000 && !met(); waited += 5) await sleep(5);
    expect(met()).toBe(true);
  };
  const isDeserted = (): Promise<boolean> => Promise.race([desk.deserted.then(() => true), sleep(50, false)]);

  it('is deserted once the last has left for as long as the stores linger', async () => {
    await open(300);
    const [first, second] = [await visit(NEEDS), await visit(NEEDS)];
    await sleep(500);
    expect(await isDeserted()).toBe(false);
    first.socket.destroy();
    await sleep(500);
    expect(await isDeserted()).toBe(false);
    second.socket.destroy();
    await expect(desk.deserted).resolves.toBeUndefined();
  });

  it('is deserted where nobody ever comes', async () => {
    await open(20);
    await expect(desk.deserted).resolves.toBeUndefined();
  });

  it('waits for nobody to come back once it is told to hurry, but for those who are there', async () => {
    await open(3_600_000);
    const { socket } = await visit(NEEDS);
    desk.hurry();
    expect(await isDeserted()).toBe(false);
    socket.destroy();
    await expect(desk.deserted).resolves.toBeUndefined();
  });

  it('makes room for somebody who asks, where nobody is', async () => {
    await open(3_600_000);
    const user = await visit(NEEDS);
    const refused = await visit({ leave: true });
    await until(() => refused.heard.some((words) => words['leaving'] === false));
    user.socket.destroy();
    await sleep(100);
    const granted = await visit({ leave: true });
    await until(() => granted.heard.some((words) => words['leaving'] === true));
    await expect(desk.deserted).resolves.toBeUndefined();
  });

  it('tells those who are there and those who come how it went', async () => {
    await open(1_000);
    const early = await visit(NEEDS);
    desk.failed('no stores today');
    const late = await visit(NEEDS);
    const wasTold = ({ heard }: typeof late): boolean => heard.some((words) => words['failed'] === 'no stores today');
    await until(() => wasTold(early) && wasTold(late));
    expect([early, late].map(wasTold)).toEqual([true, true]);
  });

  it('refuses who needs a store that it does not keep', async () => {
    await open(1_000, { postgres: false, clickhouse: true });
    const { heard } = await visit(NEEDS);
    desk.ready();
    await until(() => heard.some((words) => String(words['failed']).includes('DATABASE_URL')));
    expect(heard.some((words) => words['ready'])).toBe(false);
  });
});
