// How is a server while it works, and how much of what is seen is the machine's own doing? For trials that have a time to keep.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Server } from './server.mjs';
import { TrialWorld } from './trial-world.mjs';

const MB = 1_048_576;
/** Limit reached, no room, longer than a question may take. */
const NO_ROOM = new Set([422, 429, 503]);

/** A server whose event loop and memory are written down each half second. @param folder where to; has to be empty */
export async function watchedServer(folder, env = {}) {
  const watch = pathToFileURL(fileURLToPath(new URL('loop-watch.mjs', import.meta.url)));
  const server = await Server.start({ ...env, NODE_OPTIONS: `--import=${watch.href}`, LOOP_WATCH_DIR: folder });
  return Object.assign(server, { watchFolder: folder });
}

/** A trial's world around a watched server. @param options as of `TrialWorld.start` */
export const watchedWorld = async ({ folder, ...options }) =>
  TrialWorld.start({ folder, server: await watchedServer(folder), ...options });

/** What was seen of a watched server's own process from one moment (`Date.now()`) on.
 *  @returns {{ maxMs: number, p99Ms: number, rss: number, at: number }[]} */
export const seenOf = (server, from) =>
  readFileSync(join(server.watchFolder, String(server.pid)), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ at }) => at >= from);

/** Worst delay of the event loop, and growth of memory over the second half, megabytes: its first and last quarter, each by its median. */
export function figuresOf(seen) {
  const half = seen.slice(Math.floor(seen.length / 2)).map(({ rss }) => rss);
  const quarter = Math.max(1, Math.floor(half.length / 2));
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
  return {
    maxMs: Math.max(...seen.map(({ maxMs }) => maxMs)),
    p99Ms: Math.max(...seen.map(({ p99Ms }) => p99Ms)),
    mostMb: Math.max(...seen.map(({ rss }) => rss)) / MB,
    grownMb: (median(half.slice(-quarter)) - median(half.slice(0, quarter))) / MB,
  };
}

/** Open files and sockets of a process; NaN where nobody can say. */
export function handlesOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}

/** Threads of the machine that run or could, this one not counted; 0 where nobody can say. */
function runningNow() {
  try {
    return Number(/ (\d+)\//.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1] ?? 1) - 1;
  } catch {
    return 0;
  }
}

/** What the machine does to everything that runs on it. A time to keep is passed by as much as other work on the machine explains, so that
 *  a trial tells of the server: nothing but this process's own delays where the machine has little else to do.
 *  @returns {{ slackMs: (wantedMs: number) => number }} milliseconds that may be added */
export function ownDelay() {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const running = [];
  const timer = setInterval(() => running.push(runningNow()), 250).unref();
  return {
    slackMs: (wantedMs) => {
      clearInterval(timer);
      // The average of the last minute is late where the load has just risen, but knows of those who wait for the disk.
      const mean = running.reduce((sum, count) => sum + count, 0) / Math.max(1, running.length);
      const others = Math.max(0, Math.max(mean, loadavg()[0]) / availableParallelism() - 1);
      return Math.max(0, delay.percentile(99) / 1e6 - 5) * 10 + wantedMs * 3 * others;
    },
  };
}

/** Value of an instrument of `/metrics`, its labels summed up. */
export async function metricOf(server, name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Holds a trial to a time: tells it, and is a fault where it is longer than wanted and than the machine explains.
 *  @param options `short`: it is told only, as a short run meets a server that is not warm yet */
export function holdTime(world, { what, measured, wanted, slack, short }) {
  const line = `${what}: ${Math.round(measured)} ms (wanted: ${Math.round(wanted)} ms, and ${Math.round(slack)} ms for what else the machine does)`;
  world.lines.push(line);
  world.expect(short || measured <= wanted + slack, line);
}

/** Asks questions and counts those for which there was no room or no time (422, 429, 503): on a machine that has other work there may be none.
 *  @returns {{ line: string, ask: (path: string) => Promise<void> }} `line`: what came back, for people; `ask` throws on any other answer than 2xx */
export function questioner(server, project) {
  let [answered, refused] = [0, 0];
  const codes = new Set();
  return {
    get line() {
      return `${answered} answered, ${refused} refused${refused === 0 ? '' : ` (${[...codes].join(', ')})`}`;
    },
    async ask(path) {
      const answer = await fetch(`${server.url}/api/v1${path}`, { headers: { 'x-api-key': project.sec } });
      const text = await answer.text();
      if (answer.ok) answered += 1;
      else if (NO_ROOM.has(answer.status)) {
        refused += 1;
        codes.add(JSON.parse(text).code);
      } else throw new Error(`${path}: ${answer.status} ${text}`);
    },
  };
}
