import { setTimeout as sleep } from 'node:timers/promises';
import { storeUnavailable } from '../../common/problem';
import type { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault } from '../../platform/clickhouse/faults';
import type { Block, Entry } from './block';
import { BlockWriter } from './block-writer';
import type { EventStore } from './event-store';
import type { Spool } from './spool';

const entry = (id: string, more: Partial<Entry> = {}): Entry => ({
  project: 1,
  id,
  idGiven: true,
  keyStable: true,
  at: 0,
  visitor: '1',
  user: '0',
  line: id,
  ...more,
});

const away = () => new ClickHouseFault('away', undefined, 'NOT_REACHABLE');

/** A warehouse that remembers ids, takes a moment for each block, and fails when it is told to. */
class FakeStore {
  readonly blocks: Block[] = [];
  readonly ids = new Set<string>();
  readonly doubted: Block[] = [];
  failures: Error[] = [];
  busy = 0;
  mostBusy = 0;

  findStored(entries: readonly Entry[]): Promise<Set<string>> {
    return Promise.resolve(new Set(entries.filter(({ id }) => this.ids.has(id)).map(({ id }) => `1:${id}`)));
  }

  doubt(block: Block): void {
    this.doubted.push(block);
  }

  async store(block: Block): Promise<Entry[]> {
    this.busy += 1;
    this.mostBusy = Math.max(this.mostBusy, this.busy);
    await sleep(5);
    this.busy -= 1;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.blocks.push(block);
    for (const { id } of block.entries) {
      if (this.ids.has(id)) throw new Error(`stored twice: ${id}`);
      this.ids.add(id);
    }
    return block.entries.filter(({ line }) => line === 'poison');
  }
}

const world = () => {
  const store = new FakeStore();
  const spooled: Block[] = [];
  const state = { up: true, spoolFails: false };
  const spool = {
    append: (block: Block) =>
      state.spoolFails ? Promise.reject(storeUnavailable()) : Promise.resolve(void spooled.push(block)),
  };
  const clickhouse = { isUp: () => Promise.resolve(state.up) };
  const writer = new BlockWriter(
    store as unknown as EventStore,
    spool as unknown as Spool,
    clickhouse as unknown as ClickHouse,
  );
  return { store, spooled, state, writer };
};

describe('the block writer', () => {
  it('lets requests that arrive together share an insert', async () => {
    const { store, writer } = world();
    const receipts = await Promise.all(Array.from({ length: 50 }, (_, at) => writer.submit([entry(`e${at}`)], [])));
    expect(receipts.every(({ where, fates }) => where === 'stored' && fates[0] === 'accepted')).toBe(true);
    expect(store.blocks).toHaveLength(1);
  });

  it('fills the next block while one is being stored', async () => {
    const { store, writer } = world();
    const sent: Promise<unknown>[] = [];
    for (let at = 0; at < 40; at += 1) {
      sent.push(writer.submit([entry(`e${at}`)], []));
      await sleep(1);
    }
    await Promise.all(sent);
    expect(store.ids.size).toBe(40);
    expect(store.mostBusy).toBe(1);
    expect(store.blocks.length).toBeLessThan(30);
  });

  it('keeps senders together who each wait for their answer before they send again', async () => {
    const { store, writer } = world();
    const sender = async (name: number) => {
      for (let at = 0; at < 10; at += 1) await writer.submit([entry(`${name}-${at}`)], []);
    };
    await Promise.all([
      ...Array.from({ length: 16 }, (_, name) => sender(name)),
      sleep(2).then(() => Promise.all(Array.from({ length: 16 }, (_, name) => sender(100 + name)))),
    ]);
    expect(store.ids.size).toBe(320);
    // Ten blocks of all, and the one in which only the first half had come.
    expect(store.blocks.length).toBeLessThanOrEqual(13);
  });

  it('stores two blocks side by side where many rows wait', async () => {
    const { store, writer } = world();
    const many = (from: number) => Array.from({ length: 2_000 }, (_, at) => entry(`${from + at}`));
    await Promise.all(Array.from({ length: 10 }, (_, at) => writer.submit(many(at * 2_000), [])));
    expect([store.ids.size, store.mostBusy]).toEqual([20_000, 2]);
  });

  it('counts an id once, whether it repeats in a request, beside it, behind it or later', async () => {
    const { store, writer } = world();
    const first = writer.submit([entry('a'), entry('a')], []);
    const beside = writer.submit([entry('a')], []);
    await sleep(1);
    const behind = writer.submit([entry('a'), entry('b')], []);
    expect((await first).fates).toEqual(['accepted', 'duplicate']);
    expect((await beside).fates).toEqual(['duplicate']);
    expect((await behind).fates).toEqual(['duplicate', 'accepted']);
    expect((await writer.submit([entry('a')], [])).fates).toEqual(['duplicate']);
    expect([...store.ids]).toEqual(['a', 'b']);
  });

  it('keeps equal events that bring no id of their own', async () => {
    const { store, writer } = world();
    const { fates } = await writer.submit([entry('x', { idGiven: false }), entry('y', { idGiven: false })], []);
    expect(fates).toEqual(['accepted', 'accepted']);
    expect(store.ids.size).toBe(2);
  });

  it('never stores an id again that waits for a block which fails', async () => {
    const { store, state, writer } = world();
    state.spoolFails = true;
    store.failures = [away(), away()];
    const first = writer.submit([entry('a')], []);
    await sleep(2);
    const second = writer.submit([entry('a')], []);
    await expect(first).rejects.toMatchObject({ kind: { status: 503 } });
    // The first was not kept, so the second is no duplicate of anything; it shares the outage.
    await expect(second).rejects.toMatchObject({ kind: { status: 503 } });
    expect(store.ids.size).toBe(0);
    // Nor is it certain that the warehouse has nothing of the one that was tried.
    expect(store.doubted.flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual(['a']);
  });

  it('tries a broken connection once more, with the same block', async () => {
    const { store, spooled, writer } = world();
    store.failures = [away()];
    expect((await writer.submit([entry('a')], [])).where).toBe('stored');
    expect(spooled).toHaveLength(0);
  });

  it('puts blocks into the spool while the warehouse is away, and returns to it', async () => {
    const { store, spooled, state, writer } = world();
    state.up = false;
    store.failures = [away(), away()];
    expect(await writer.submit([entry('a')], [])).toEqual({ where: 'spooled', fates: ['accepted'] });
    expect((await writer.submit([entry('b')], [])).where).toBe('spooled');
    expect(spooled.flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual(['a', 'b']);
    expect((await writer.submit([entry('a')], [])).fates).toEqual(['duplicate']);
    state.up = true;
    await sleep(700);
    expect((await writer.submit([entry('c')], [])).where).toBe('stored');
  });

  it('says which entries the engine refuses, and takes them when they come mended', async () => {
    const { store, writer } = world();
    const { fates } = await writer.submit([entry('a'), entry('b', { line: 'poison' })], []);
    expect(fates).toEqual(['accepted', 'refused']);
    store.ids.delete('b');
    expect((await writer.submit([entry('b')], [])).fates).toEqual(['accepted']);
  });

  it('refuses a request that would wait behind too much', async () => {
    const { writer } = world();
    const many = (from: number) => Array.from({ length: 2_000 }, (_, at) => entry(`${from + at}`));
    const sent = Array.from({ length: 51 }, (_, at) => writer.submit(many(at * 2_000), []));
    const ends = await Promise.allSettled(sent);
    expect(ends.slice(0, 50).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(ends[50]).toMatchObject({ status: 'rejected', reason: { kind: { status: 503 } } });
  });
});
