// What do readers see while things are broken? Somebody who asks again and again, and writes down each answer.
import { setTimeout as sleep } from 'node:timers/promises';

/** Asks a route of a server every so often. */
export class Watch {
  /** `{ at, status, ms, retryAfter, body, context }` of each question; status `none`: no answer. */
  answers = [];
  #stopped = false;
  #running;

  /** @param {{ url: string, headers?: Record<string, string>, everyMs?: number, timeoutMs?: number, context?: () => unknown }} options
   *    `context`: taken before each question, and kept beside its answer */
  constructor({ url, headers = {}, everyMs = 200, timeoutMs = 60_000, context = () => undefined }) {
    Object.assign(this, { url, headers, everyMs, timeoutMs, context });
  }

  start() {
    this.#stopped = false;
    this.#running = this.#run();
    return this;
  }

  async stop() {
    this.#stopped = true;
    await this.#running;
  }

  async #run() {
    while (!this.#stopped) {
      const context = this.context();
      const at = performance.now();
      let seen = { status: 'none', retryAfter: null, body: '' };
      try {
        const answer = await fetch(this.url, { headers: this.headers, signal: AbortSignal.timeout(this.timeoutMs) });
        seen = { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.text() };
      } catch {
        // Written down as no answer.
      }
      this.answers.push({ at, ms: performance.now() - at, context, ...seen });
      await sleep(this.everyMs);
    }
  }

  /** How many answers of each status, in a line. */
  get line() {
    const times = new Map();
    for (const { status } of this.answers) times.set(status, (times.get(status) ?? 0) + 1);
    return [...times].map(([status, count]) => `${count} x ${status === 'none' ? 'nothing' : status}`).join(', ');
  }
}

/** Somebody who looks at the overview while a load goes on. Each figure must be an error or hold all that was readable when it was asked for.
 *  @param server a `Server` @param load a `ChaosLoad` */
export const watchFigures = (server, project, load, everyMs = 200) =>
  new Watch({
    url: `${server.url}/api/v1/stats/overview?period=24h`,
    headers: { 'x-api-key': server.rootKey, 'x-project-id': project.id },
    everyMs,
    context: () => load.readable,
  });

/** What was wrong with the figures of `watchFigures`: answers that are neither a figure nor a 503 that says when to come again, and figures
 *  that lack what was readable. @param limits whether 4xx for a query's own limits are fine too */
export function wrongFigures(watch, { limits = false } = {}) {
  return watch.answers.flatMap(({ status, retryAfter, body, context }) => {
    if (status === 200) {
      const { events } = JSON.parse(body).data;
      return events >= context ? [] : [`a figure says ${events} events where ${context} were readable`];
    }
    if (status === 503 && retryAfter !== null) return [];
    if (limits && status === 422) return [];
    return [`a reader got ${status}: ${body.slice(0, 200)}`];
  });
}
