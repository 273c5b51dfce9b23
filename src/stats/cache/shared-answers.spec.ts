// Do processes share answers through Redis, and is a Redis that is away, slow or wrong a miss and never an error?
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Clock } from '../../common/clock';
import { Env, StoreUrls } from '../../config/env';
import type { KeptAnswer } from './kept-answers';
import { SharedAnswers } from './shared-answers';

const answer: KeptAnswer = { version: { revision: 7, raw: null }, json: '{"rows":[],"account":{}}' };

/** As much of Redis as is needed here: values by key, in its own protocol. */
class SmallRedis {
  readonly values = new Map<string, string>();
  readonly said: string[][] = [];
  /** What it says of its memory. */
  memory = 'used_memory:10\r\nmaxmemory:0';
  /** Hangs: commands are heard, and answered when it wakes. */
  silent = false;
  readonly #owed: (() => unknown)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      text += bytes.toString();
      for (let command = take(text); command !== undefined; command = take(text)) {
        text = command.rest;
        const { words } = command;
        this.#owed.push(() => socket.write(this.#reply(words)));
        this.wake(this.silent);
      }
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  wake(silent = false): void {
    this.silent = silent;
    if (!silent) for (const answer of this.#owed.splice(0)) answer();
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  #reply(words: string[]): string {
    this.said.push(words);
    const [name = '', key = '', value = ''] = words;
    const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    if (name === 'info') return bulk(`redis_version:7.2.0\r\nloading:0\r\n${this.memory}`);
    if (name === 'get') return this.values.has(key) ? bulk(this.values.get(key)!) : '$-1\r\n';
    if (name === 'set') this.values.set(key, value);
    return '+OK\r\n';
  }
}

/** The first whole command of a text. */
const take = (text: string): { words: string[]; rest: string } | undefined => {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  let at = head[0].length;
  const words: string[] = [];
  for (let left = Number(head[1]); left > 0; left -= 1) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return undefined;
    at += size[0].length;
    words.push(text.slice(at, at + Number(size[1])));
    at += Number(size[1]) + 2;
    if (at > text.length) return undefined;
  }
  return { words: [words[0]!.toLowerCase(), ...words.slice(1)], rest: text.slice(at) };
};

let redis: SmallRedis;
let url: string;
const open: SharedAnswers[] = [];
beforeEach(async () => {
  redis = new SmallRedis();
  url = await redis.listen();
});
afterEach(async () => {
  for (const shared of open.splice(0)) shared.onApplicationShutdown();
  await redis.end();
});

/** A clock that is set by hand, from now on. */
class Hand extends Clock {
  laterMs = 0;
  override now(): number {
    return Date.now() + this.laterMs;
  }
}
const clock = new Hand();
const aProcess = (postgres = 'postgres://a', at: string | undefined = url, mb = 64): SharedAnswers => {
  const shared = new SharedAnswers(
    new StoreUrls(postgres, 'http://b', at),
    Object.assign(new Env(), { STATS_CACHE_MB: mb }),
    clock,
  );
  open.push(shared);
  return shared;
};
const found = async (shared: SharedAnswers, key = 'k', withinMs = 3_000): Promise<KeptAnswer | undefined> => {
  const end = Date.now() + withinMs;
  for (;;) {
    const answered = await shared.get(key);
    if (answered !== undefined || Date.now() > end) return answered;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 200 && !(await isSo()); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
};
/** Keeps it as soon as there is a connection. */
const keep = async (shared: SharedAnswers): Promise<void> => {
  for (let tries = 0; tries < 100 && redis.values.size === 0; tries += 1) {
    shared.set('k', answer);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

it('gives to one process what another has kept, for an hour', async () => {
  await keep(aProcess());
  expect(await found(aProcess())).toEqual(answer);
  expect(redis.said.find(([name]) => name === 'set')?.slice(3)).toEqual(['EX', '3600']);
});

it('keeps installations apart that share a Redis', async () => {
  await keep(aProcess());
  expect(await found(aProcess('postgres://other'), 'k', 500)).toBeUndefined();
});

it('is a miss where Redis is not set, away, silent, or holds something else', async () => {
  const without = new SharedAnswers(new StoreUrls('postgres://a', 'http://b'), new Env(), clock);
  without.set('k', answer);
  expect(await without.get('k')).toBeUndefined();
  const away = aProcess('postgres://a', 'redis://127.0.0.1:1');
  away.set('k', answer);
  expect(await away.get('k')).toBeUndefined();
  const shared = aProcess();
  await keep(shared);
  const [key = ''] = redis.values.keys();
  for (const other of ['not JSON', 'null', '[]', '{"version":1}']) {
    redis.values.set(key, other);
    expect(await shared.get('k')).toBeUndefined();
  }
  redis.silent = true;
  const asked = performance.now();
  expect(await shared.get('k')).toBeUndefined();
  expect(performance.now() - asked).toBeLessThan(2_000);
});

it('does not ask a Redis that is silent again and again', async () => {
  const shared = aProcess();
  await keep(shared);
  redis.silent = true;
  await shared.get('k');
  const said = redis.said.length;
  for (let count = 0; count < 20; count += 1) expect(await shared.get('k')).toBeUndefined();
  expect([said > 0, redis.said.length]).toEqual([true, said]);
  redis.wake();
  clock.laterMs += 2_500;
  expect(await found(shared)).toEqual(answer);
});

it('leaves room for others: nothing more goes into a Redis that is nearly full, nor more than its share in an hour', async () => {
  redis.memory = 'used_memory:71\r\nmaxmemory:100';
  const shared = aProcess('postgres://a', url, 1);
  const large = { ...answer, json: JSON.stringify('x'.repeat(400_000)) };
  const offered = async (name: string): Promise<boolean> => {
    shared.set(name, large);
    await new Promise((resolve) => setTimeout(resolve, 200));
    return [...redis.values.keys()].some((key) => key.endsWith(`:${name}`));
  };
  await until(async () => (await shared.get('k'), redis.said.some(([name]) => name === 'get')));
  expect(await offered('full')).toBe(false);
  redis.memory = 'used_memory:69\r\nmaxmemory:100';
  clock.laterMs += 6_000;
  expect([await offered('a'), await offered('b'), await offered('c')]).toEqual([true, true, false]);
  clock.laterMs += 3_600_000;
  expect(await offered('c')).toBe(true);
});
