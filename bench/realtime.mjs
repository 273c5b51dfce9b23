// How many people may watch at once, and how late do they see what happens? Streams of one project while events come in at a steady rate.
//   npm run bench:realtime -- [--streams 1000] [--rate 500] [--seconds 20] [--replicas 1] [--redis redis://…] [--json]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { atEnd, measure, ownFolder } from './support/clean.mjs';
import { atRate } from './support/paced-load.mjs';
import { cpuOf } from './support/processes.mjs';
import { root, Server } from './support/server.mjs';
import { ms, table } from './support/show.mjs';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '20' },
    replicas: { type: 'string', default: '1' },
    redis: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const [streams, rate, seconds, replicas] = ['streams', 'rate', 'seconds', 'replicas'].map((name) =>
  Number(values[name]),
);
if (![streams, rate, seconds, replicas].every((value) => value > 0)) {
  process.stderr.write('--streams, --rate, --seconds and --replicas must be positive numbers\n');
  process.exit(2);
}
const note = (text) => process.stderr.write(`${text}\n`);
const BATCHES_PER_SECOND = 50;
const batch = Math.max(1, Math.round(rate / BATCHES_PER_SECOND));
const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Stores that several servers share: the embedded ones, started from here. */
async function sharedStores() {
  const require = createRequire(import.meta.url);
  const { startEmbeddedStores } = require(join(root, 'dist', 'embedded', 'stores.js'));
  const { readEnv } = require(join(root, 'dist', 'config', 'env.js'));
  const { makeLogger } = require(join(root, 'dist', 'platform', 'logging', 'logger.js'));
  const stores = await startEmbeddedStores(readEnv({ DATA_DIR: await ownFolder('bench') }), makeLogger('warn'));
  atEnd(() => stores.close());
  return { DATABASE_URL: stores.urls.postgres, CLICKHOUSE_URL: stores.urls.clickhouse };
}

const watchLines = (folder, pid) =>
  readFileSync(join(folder, String(pid)), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const between = (lines, from, to) => lines.filter(({ at }) => at >= from && at <= to);
const openStreams = async (server) =>
  Number(
    /^millrace_realtime_streams (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1] ?? Number.NaN,
  );

await measure(async () => {
  const folder = await ownFolder('loop-watch');
  const watch = pathToFileURL(fileURLToPath(new URL('support/loop-watch.mjs', import.meta.url)));
  const env = {
    ...(await sharedStores()),
    ...(values.redis === undefined ? {} : { REDIS_URL: values.redis }),
    NODE_OPTIONS: `--import=${watch.href}`,
    LOOP_WATCH_DIR: folder,
  };
  const servers = [];
  for (let at = 0; at < replicas; at++) servers.push(await Server.start(env));
  const [writer] = servers;
  const project = await writer.project('watched');
  const send = (events) => writer.ask('POST', '/events/batch', { body: { events }, key: project.sec });
  await send([{ name: 'warm-up', visitorId: 'a' }]);

  const readers = fork(fileURLToPath(new URL('support/stream-readers.mjs', import.meta.url)));
  atEnd(() => readers.kill('SIGKILL'));
  const tell = async (message) => {
    const answered = once(readers, 'message');
    readers.send(message);
    return (await answered)[0];
  };
  const urls = servers.map(({ url }) => url);
  await tell({ command: 'open', urls, key: project.sec, streams: 1 * replicas });
  await send(Array.from({ length: 500 }, (_, at) => ({ name: 'warm-up', visitorId: `w${at}` })));
  await sleep(2_500);
  await tell({ command: 'close' });
  await tell({ command: 'report' });
  await sleep(1_500);

  const before = servers.map(({ pid }) => watchLines(folder, pid).at(-1));
  note(`${streams} streams are opened …`);
  const opening = performance.now();
  await tell({ command: 'open', urls, key: project.sec, streams });
  const openedMs = performance.now() - opening;
  await sleep(3_000);
  const idle = servers.map(({ pid }) => watchLines(folder, pid).at(-1));

  note(`${rate} events a second for ${seconds} s …`);
  const cpuBefore = cpuOf(writer.pid);
  const began = Date.now();
  const { latencies, failed } = await atRate(rate / batch, seconds, (at) =>
    send(
      Array.from({ length: batch }, (_, place) => ({
        name: 'pageview',
        visitorId: `v${(at * batch + place) % 5_000}`,
        url: `https://shop.example/page/${place}`,
        properties: { sentAt: Date.now() },
      })),
    ),
  );
  const ended = Date.now();
  const cpuShare = (cpuOf(writer.pid) - cpuBefore) / 1e3 / (ended - began);
  const sent = Math.round((rate / batch) * seconds) * batch - failed * batch;
  // What is late is shown as late, not as lost.
  for (let waited = 0; waited < 20 && (await tell({ command: 'count' })).got < sent * streams; waited++)
    await sleep(1_000);
  const { counts, delays, gap, dropped, ended: cut, ownDelayP99Ms } = await tell({ command: 'report' });
  const loops = servers.flatMap(({ pid }) => between(watchLines(folder, pid), began, ended));
  await tell({ command: 'close' });
  await sleep(2_500);
  const left = await Promise.all(servers.map(openStreams));
  const after = servers.map(({ pid }) => watchLines(folder, pid).at(-1));

  delays.sort((a, b) => a - b);
  latencies.sort((a, b) => a - b);
  const expected = sent * streams;
  const got = counts.slice(0, streams).reduce((sum, count) => sum + count, 0);
  const report = {
    date: new Date().toISOString(),
    machine: `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`,
    streams,
    rate,
    seconds,
    replicas,
    store: values.redis === undefined ? 'Postgres' : 'Redis',
    openedMs,
    sent,
    failed,
    delivered: got,
    lost: expected - got,
    gaps: gap,
    dropped,
    cutOff: cut - replicas,
    readerDelayP99Ms: ownDelayP99Ms,
    fromSendingMs: { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99), max: delays.at(-1) },
    answerMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
    kbPerStream: servers.reduce((sum, _, at) => sum + idle[at].rss - before[at].rss, 0) / streams / 1_024,
    kbPerStreamBusy:
      servers.reduce(
        (sum, { pid }, at) => sum + watchLines(folder, pid).findLast((line) => line.at <= ended).rss - before[at].rss,
        0,
      ) /
      streams /
      1_024,
    loopDelayMs: {
      p99: Math.max(...loops.map(({ p99Ms }) => p99Ms)),
      max: Math.max(...loops.map(({ maxMs }) => maxMs)),
    },
    coresOfWriter: cpuShare,
    openAfterClosing: left,
    socketsMoreThanBefore: after.map(({ sockets }, at) => sockets - before[at].sockets),
  };
  const shown = [
    `${report.date.slice(0, 10)}, ${report.machine}; messages between processes by ${report.store}`,
    '',
    table([
      [`${streams} streams, ${rate} events/s, ${replicas} process(es)`, ''],
      ['delivery p50 from sending, ms', ms(report.fromSendingMs.p50)],
      ['delivery p99 from sending, ms', ms(report.fromSendingMs.p99)],
      ['event loop delay of the reader itself p99, ms', ms(report.readerDelayP99Ms)],
      ['answer (200) p50, ms', ms(report.answerMs.p50)],
      ['answer (200) p99, ms', ms(report.answerMs.p99)],
      ['messages delivered', report.delivered],
      ['messages lost', report.lost],
      ['streams cut off', report.cutOff],
      ['memory a stream, idle, KB', ms(report.kbPerStream)],
      ['memory a stream, busy, all kept messages in it, KB', ms(report.kbPerStreamBusy)],
      ['event loop delay p99, ms', ms(report.loopDelayMs.p99)],
      ['event loop delay max, ms', ms(report.loopDelayMs.max)],
      ['cores of the writing server', report.coresOfWriter.toFixed(2)],
      ['streams after closing', report.openAfterClosing.join(', ')],
      ['sockets more than before', report.socketsMoreThanBefore.join(', ')],
    ]),
  ].join('\n');
  process.stdout.write(`${values.json === true ? JSON.stringify(report, null, 2) : shown}\n`);
  return report.lost === 0 && left.every((open) => open === 0) ? 0 : 1;
});
