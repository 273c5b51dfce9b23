// How is a server while it works, and how much of what is seen is the machine's own doing? For trials that have a time to keep.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Server } from './server.mjs';

const MB = 1_048_576;
/** Limit reached, no room, longer than a question may take. */
const NO_ROOM = new Set([422, 429, 503]);

/** A server whose event loop and memory are written down each half second. @param folder where to; has to be empty */
export async function watchedServer(folder, env = {}) {
  const watch = pathToFileURL(fileURLToPath(new URL('loop-watch.mjs', import.meta.url)));
  const server = await Server.start({ ...env, NODE_OPTIONS: `--import=${watch.href}`, LOOP_WATCH_DIR: folder });
  return Object.assign(server, { watchFolder: folder });
}

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

/** What the machine does to everything that runs on it. A time to keep is passed by as much as other work on the machine explains, so that
 *  a trial tells of the server: nothing but this process's own delays where the machine has little else to do.
 *  @returns {{ slackMs: (wantedMs: number) => number }} milliseconds that may be added */
export function ownDelay() {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  return {
    slackMs: (wantedMs) => {
      const others = Math.max(0, loadavg()[0] / availableParallelism() - 1);
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

/** A time and whether it was kept, in words. */
export const timeLine = (what, measured, wanted, slack) =>
  `${what}: ${Math.round(measured)} ms (wanted: ${wanted} ms, and ${Math.round(slack)} ms for what else the machine does)`;

/** Asks questions and counts those for which there was no room or no time (422, 429, 503): on a machine that has other work there may be none.
 *  @returns {{ refused: number, codes: Set<string>, ask: (path: string, body?: object) => Promise<void> }} `ask` throws on any other answer than 2xx */
export function questioner(server, project) {
  const count = { refused: 0, codes: new Set() };
  const ask = async (path, body) => {
    const answer = await fetch(`${server.url}/api/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'x-api-key': project.sec,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (NO_ROOM.has(answer.status)) {
      count.refused += 1;
      count.codes.add(JSON.parse(text).code);
    }
    if (!answer.ok && !NO_ROOM.has(answer.status)) throw new Error(`${path}: ${answer.status} ${text}`);
  };
  return Object.assign(count, { ask });
}
