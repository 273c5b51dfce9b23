// Are limits those of a project, whichever server and route is asked, and does nobody get around them or fill the memory? On two API servers.
import { createRequire } from 'node:module';
import { randomInt } from 'node:crypto';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../support/cluster.mjs';
import { hasRedis, OwnRedis } from '../support/own-redis.mjs';
import { heapMb, withCollector } from '../support/collector.mjs';
import { root } from '../support/server.mjs';

const QUOTA = 400;
const FAILURES = 100;
/** What servers have not told each other yet: half a second of requests each where counts are in Postgres, and a busy machine. */
const TOLD_MS = 1_500;
/** What the server keeps of them, garbage collected: the process itself grows by what V8 finds no reason to collect yet. */
const KEPT_MB = 20;

export const trial = {
  number: 43,
  name: 'throttle',
  load: `${3 * QUOTA} requests of a project over two routes; 1,000 guesses with forged addresses; 20,000 random keys of as many addresses`,
  faults: 'two servers that share a limit, counted in Redis and in Postgres',
  async run({ short, note }) {
    const keys = short ? 1_000 : 20_000;
    const lines = [];
    const faults = [];
    const redis = hasRedis() ? await OwnRedis.start() : undefined;
    const stores = short && redis !== undefined ? [redis.url] : [redis?.url, undefined];
    for (const url of new Set(stores)) {
      const store = url === undefined ? 'Postgres' : 'Redis';
      note(`limits counted in ${store}`);
      const cluster = await Cluster.start({
        front: false,
        workers: 0,
        env: {
          TRUST_PROXY: '0',
          RATE_LIMIT_REQUESTS: String(QUOTA),
          // A day: no window ends meanwhile, but at midnight.
          RATE_LIMIT_SECONDS: '86400',
          AUTH_FAILURES_PER_MINUTE: String(FAILURES),
          ...withCollector,
          ...(url === undefined ? {} : { REDIS_URL: url }),
        },
      });
      const world = { cluster, store, lines, faults, expect: (isSo, line) => isSo || faults.push(`${store}: ${line}`) };
      note('one limit over two servers and two routes');
      await sharedLimit(world);
      note('guesses with forged addresses');
      await forgedAddresses(world, short ? 300 : 1_000);
      note(`${keys} random keys`);
      await randomKeys(world, keys);
      await cluster.end();
    }
    if (redis === undefined) lines.push('Redis: not tried, there is no redis-server on this machine');
    return {
      ...(short ? { load: `as at length, with 300 guesses and ${keys.toLocaleString('en')} random keys` } : {}),
      acknowledged: 0,
      lost: 0,
      doubled: 0,
      held: faults.length === 0,
      details: [...lines, ...faults.map((line) => `NOT AS PROMISED: ${line}`)],
    };
  },
};

/** One limit over servers and routes, and what the answers say of it. */
async function sharedLimit({ cluster, store, lines, expect }) {
  const { sec } = await cluster.front.project('throttled');
  const other = await cluster.front.project('other');
  // Quick ones, so that the limit is reached within one window on any machine.
  const routes = ['/goals', '/funnels'];
  const ask = async (count, key = sec) => {
    const answer = await fetch(
      `${cluster.apis[count % cluster.apis.length].url}/api/v1${routes[count % routes.length]}`,
      { headers: { 'x-api-key': key } },
    );
    await answer.arrayBuffer();
    return answer;
  };
  let letIn = 0;
  let last;
  const since = performance.now();
  for (let count = 0; count < 3 * QUOTA; count += 4) {
    const answers = await Promise.all([0, 1, 2, 3].map((at) => ask(count + at)));
    letIn += answers.filter(({ status }) => status === 200).length;
    last = answers.find(({ status }) => status === 429) ?? last;
    const strange = answers.find(({ status }) => status !== 200 && status !== 429);
    expect(strange === undefined, `a request got ${strange?.status}`);
    if (answers.every(({ status }) => status === 429)) break;
  }
  const seconds = (performance.now() - since) / 1_000;
  const most = QUOTA + Math.ceil((letIn / seconds) * (TOLD_MS / 1_000));
  expect(letIn >= QUOTA && letIn <= most, `${letIn} requests were let in where ${QUOTA} are allowed`);
  await sleep(TOLD_MS);
  for (let count = 0; count < 12; count += 1) {
    const { status } = await ask(count);
    expect(status === 429, `beyond the limit a route of a server answered ${status}`);
  }
  expect(Number(last?.headers.get('retry-after')) > 0, 'a 429 says not when to come again');
  expect(/"requests";r=0;t=\d+/.test(last?.headers.get('ratelimit') ?? ''), 'a 429 says not what is left');
  expect((await ask(0, other.sec)).status === 200, 'another project is held back too');
  lines.push(
    `${store}: ${letIn} of ${QUOTA} let in by two servers at ${Math.round(letIn / seconds)} a second, over two routes`,
  );
}

/** Whoever invents an address for each guess is still one caller. */
async function forgedAddresses({ cluster, store, lines, expect }, count) {
  const [one, other] = cluster.apis;
  const guess = async (url) => {
    const answer = await fetch(`${url}/api/v1/stats/overview?period=24h`, {
      headers: {
        'x-api-key': 'guess',
        'x-forwarded-for': Array.from({ length: 4 }, () => randomInt(1, 255)).join('.'),
        forwarded: `for=${randomInt(1, 255)}.1.2.3`,
        'x-real-ip': `${randomInt(1, 255)}.1.2.3`,
      },
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  const statuses = [];
  for (let sent = 0; sent < count; sent += 10)
    statuses.push(...(await Promise.all(Array.from({ length: 10 }, () => guess(one.url)))));
  const looked = statuses.filter((status) => status === 401).length;
  // A minute may end meanwhile.
  expect(looked <= 2 * FAILURES, `${looked} of ${count} guesses with forged addresses were answered 401`);
  expect(statuses.includes(429), 'no guess was held back');
  await sleep(TOLD_MS);
  const elsewhere = await Promise.all(Array.from({ length: FAILURES }, () => guess(other.url)));
  const there = elsewhere.filter((status) => status === 401).length;
  lines.push(
    `${store}: ${looked} of ${count} guesses with forged addresses answered 401 (allowed ${FAILURES} a minute), then ${there} of ${FAILURES} on the other server`,
  );
}

/** Keys that nobody has, well made, each from an address of its own: what is remembered of them is bounded. */
async function randomKeys({ cluster, store, lines, expect }, count) {
  const { newKeyText } = createRequire(import.meta.url)(join(root, 'dist', 'auth', 'key-format.js'));
  const [server] = cluster.apis;
  const [heapBefore, before] = [await heapMb(server), await residentMb(server)];
  const statuses = new Map();
  let at = 0;
  const lane = async () => {
    while (at < count) {
      at += 1;
      const from = `127.${1 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
      const status = await knock(server, newKeyText('sec'), from);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const since = performance.now();
  await Promise.all(Array.from({ length: 16 }, lane));
  const rate = Math.round(count / ((performance.now() - since) / 1_000));
  await sleep(1_000);
  const grown = (await residentMb(server)) - before;
  const kept = (await heapMb(server)) - heapBefore;
  const strange = [...statuses.keys()].filter((status) => ![401, 429, 503].includes(status));
  expect(strange.length === 0, `random keys were answered ${strange.join(', ')}`);
  expect(kept <= KEPT_MB, `the server keeps ${kept.toFixed(0)} MB of ${count} random keys`);
  lines.push(
    `${store}: ${count} random keys of as many addresses at ${rate} a second: the server keeps ${kept.toFixed(1)} MB of them (its process grew by ${grown.toFixed(0)} MB)`,
  );
}

const residentMb = async ({ url }) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1024 / 1024;
};

/** Asks once, from one of this machine's many addresses. */
const knock = ({ port }, key, localAddress) =>
  new Promise((resolve) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path: '/api/v1/stats/overview?period=24h',
        localAddress,
        agent: false,
        headers: { 'x-api-key': key },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
      },
    );
    asked.on('error', ({ code }) => resolve(code));
    asked.end();
  });
