// How is the promise put to the test? A load that writes down each answer and sends again what has none, and a count at the end that holds
// the server to what it said, through the API alone.
import { randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { anEvent, newId } from './events.mjs';
import { percentile } from './percentile.mjs';

const countOne = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

/** Most events name time and visitor; some leave one of them to the server, which must then know the id again. One in ten batches holds
 *  an event that breaks a rule. */
export function aBatch(size) {
  const batch = Array.from({ length: size }, () => {
    const { timestamp, visitorId, ...rest } = anEvent(newId(), 2_000);
    const dice = randomInt(10);
    return { ...rest, ...(dice < 2 ? {} : { timestamp }), ...(dice >= 2 && dice < 4 ? {} : { visitorId }) };
  });
  if (randomInt(10) === 0) batch[randomInt(batch.length)].url = 'no url';
  return batch;
}

/** Sends batches for as long as it is told to. What is not answered goes out again, under the same ids, sooner or later; so does a little
 *  of what was. Each answer is in the ledger before the lane that got it sends again. */
export class ChaosLoad {
  /** Events that a 2xx accepted or knew already, those sent again included. */
  acknowledged = 0;
  /** Distinct events that some 200 accepted: whoever asks from now on must see them. Right as long as the server is not started again. */
  readable = 0;
  /** How many answers of each 2xx status. */
  kept = new Map();
  /** How many answers of each other status. */
  refused = new Map();
  /** Requests whose connection broke, or that had no answer in time. */
  unanswered = 0;
  /** Milliseconds of each answer, whatever it says. */
  latencies = [];
  /** Answers that nobody expects, the first twenty in words. */
  strangers = [];
  strangeAnswers = 0;

  #open = [];
  #done = [];
  #read = new WeakSet();
  #stopped = false;
  #turn = 0;
  #nextAt = 0;

  /** @param {{ urls: string | string[], project: { sec: string }, ledger: import('./ledger.mjs').Ledger, lanes?: number, batch?: number,
   *    rate?: number, make?: (size: number) => object[], timeoutMs?: number, note?: (line: string) => void }} options
   *    `urls`: asked in turn; `rate`: batches a second of all lanes together, none: each lane after a short breath; `make`: a batch */
  constructor({
    urls,
    project,
    ledger,
    lanes = 8,
    batch = 50,
    rate,
    make = aBatch,
    timeoutMs = 20_000,
    note = () => undefined,
  }) {
    this.urls = [urls].flat();
    Object.assign(this, { project, ledger, lanes, batch, rate, make, timeoutMs, note });
  }

  /** Begins. @returns a promise that is fulfilled when all lanes have stopped */
  start() {
    this.#stopped = false;
    return Promise.all(Array.from({ length: this.lanes }, () => this.#lane()));
  }

  stop() {
    this.#stopped = true;
  }

  /** Repeats everything that has no 2xx until it has one, then a fifth of the rest once more. @throws when that takes too long */
  async settle(withinMs = 120_000) {
    const again = this.#done.filter(() => randomInt(5) === 0);
    const until = performance.now() + withinMs;
    const lane = async () => {
      for (
        let batch = again.pop() ?? this.#open.shift();
        batch !== undefined;
        batch = again.pop() ?? this.#open.shift()
      ) {
        if (performance.now() > until) throw new Error('the server does not take what was not answered');
        await this.#send(batch);
      }
    };
    while (this.#open.length + again.length > 0) await Promise.all(Array.from({ length: this.lanes }, lane));
  }

  /** Milliseconds below which so many of the answers came. */
  percentile(share) {
    return percentile(this.latencies, share);
  }

  /** Takes note of an answer other than 2xx, 429 and 503 with Retry-After. */
  strange(status, body) {
    this.strangeAnswers += 1;
    const line = `an answer that nobody expects: ${status} ${String(body).slice(0, 300)}`;
    if (this.strangers.length < 20) this.strangers.push(line);
    this.note(line);
  }

  /** What came back, in a line for people. */
  get answers() {
    const list = [...this.kept, ...this.refused].map(([status, times]) => `${times} x ${status}`);
    return [...list, `${this.unanswered} without an answer`].join(', ');
  }

  async #lane() {
    while (!this.#stopped) {
      // While the server is down, nothing new piles up behind what it has still to answer.
      const dice = this.#open.length > this.lanes ? 0 : randomInt(20);
      const again =
        dice < 8 ? this.#open.shift() : dice === 8 ? this.#done[randomInt(Math.max(1, this.#done.length))] : undefined;
      await this.#send(again ?? this.make(this.batch));
      // Nobody's client sends without a breath; and what is counted later has to be read.
      await sleep(this.rate === undefined ? randomInt(12) : this.#untilSlot());
    }
  }

  /** Milliseconds until the next of the evenly spaced moments that nobody has taken. */
  #untilSlot() {
    const now = performance.now();
    this.#nextAt = Math.max(now - 1_000, this.#nextAt) + 1_000 / this.rate;
    return Math.max(0, this.#nextAt - now);
  }

  async #send(batch) {
    const ids = batch.map(({ id }) => id);
    const url = this.urls[this.#turn++ % this.urls.length];
    const sentAt = performance.now();
    let answer;
    let body;
    try {
      answer = await fetch(`${url}/api/v1/events/batch`, {
        method: 'POST',
        headers: { 'x-api-key': this.project.sec, 'content-type': 'application/json' },
        body: JSON.stringify({ events: batch }),
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      body = await answer.text();
    } catch {
      this.ledger.write({ ids, status: 'none', rejected: [] });
      this.unanswered += 1;
      this.#open.push(batch);
      await sleep(150);
      return;
    }
    this.latencies.push(performance.now() - sentAt);
    const { status } = answer;
    if (status === 200 || status === 202) {
      const { accepted, rejected, filtered } = JSON.parse(body);
      if (filtered.length > 0) this.strange(status, body);
      this.ledger.write({ ids, status, rejected: rejected.map(({ index }) => ids[index]) });
      countOne(this.kept, status);
      if (status === 200 && accepted > 0 && !this.#read.has(batch)) {
        this.#read.add(batch);
        this.readable += accepted;
      }
      this.acknowledged += ids.length - rejected.length;
      this.#done.push(batch);
      return;
    }
    this.ledger.write({ ids, status, rejected: [] });
    countOne(this.refused, status);
    this.#open.push(batch);
    if ((status !== 503 && status !== 429) || answer.headers.get('retry-after') === null) this.strange(status, body);
    await sleep(50);
  }
}

/** How often each event of a project is stored. @param server { url, rootKey } @param range of the export, as its query says it
 *  @returns {Promise<Map<string, number>>} by event id */
export async function storedRows(server, project, range = 'period=all') {
  const rows = new Map();
  const answer = await fetch(`${server.url}/api/v1/events/export?format=ndjson&${range}`, {
    headers: { 'x-api-key': server.rootKey, 'x-project-id': project.id },
  });
  if (!answer.ok) throw new Error(`the export answered ${answer.status}: ${await answer.text()}`);
  for await (const line of createInterface({ input: Readable.fromWeb(answer.body) }))
    if (line !== '') countOne(rows, JSON.parse(line).id);
  return rows;
}

/** The events that were refused and are kept. @param range of the question, as its query says it @returns {Promise<Set<string>>} ids */
export async function keptRejected(server, project, range = 'period=all') {
  const ids = new Set();
  for (let cursor = null; ;) {
    const next = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { data, page } = await server.ask('GET', `/events/rejected?${range}&limit=1000${next}`, {
      project: project.id,
    });
    for (const { eventId } of data) ids.add(eventId);
    if (page.next === null) return ids;
    cursor = page.next;
  }
}

/** Holds a server to a ledger, through the API alone: each acknowledged id is one row; each id that an answer refused is no row, and kept as
 *  a rejected event; nothing is stored that was not sent.
 *  @param server a `Server` @param said what `Ledger.read` gives @param waitMs how long what was answered 202 may take to be readable
 *  @returns the counts, how long the last of the rows took (`drainedMs`), and `held`: whether all is as it was said */
export async function countLedger(server, project, said, { waitMs = 300_000 } = {}) {
  const expected = said.acknowledged.size;
  const since = performance.now();
  // Some of what was answered 202 may turn out to be what the warehouse never takes.
  const accounted = async () => {
    const stored = await server.stored(project.id);
    if (stored >= expected) return stored;
    return stored + [...(await keptRejected(server, project))].filter((id) => said.acknowledged.has(id)).length;
  };
  // A store that is just coming back says so: that is an answer to wait on, like one that is short of rows.
  const accountedByNow = () =>
    accounted().catch((error) => {
      if (/: 503 /.test(error.message)) return 0;
      throw error;
    });
  while (performance.now() - since < waitMs && (await accountedByNow()) < expected) await sleep(500);
  const drainedMs = performance.now() - since;

  return { ...heldTo(said, await storedRows(server, project), await keptRejected(server, project)), drainedMs };
}

/** What a ledger says, against what is there. @param rows how often each id is stored @param kept ids of refused events
 *  @returns the counts, and `held` */
export function heldTo(said, rows, kept) {
  const count = (ids, test) => [...ids].filter((id) => test(rows.get(id) ?? 0, id)).length;
  const counted = {
    answers: said.answers,
    unknown: said.unknown,
    sent: said.sent.size,
    acknowledged: said.acknowledged.size,
    refused: said.refused.size,
    stored: rows.size,
    lost: count(said.acknowledged, (times, id) => times === 0 && !kept.has(id)),
    doubled: count(rows.keys(), (times) => times > 1),
    foreign: [...rows.keys()].filter((id) => !said.sent.has(id)).length,
    refusedButStored: count(said.refused, (times) => times > 0),
    refusedNotKept: count(said.refused, (_, id) => !kept.has(id)),
  };
  const wrong = counted.lost + counted.doubled + counted.foreign + counted.refusedButStored + counted.refusedNotKept;
  return { ...counted, held: wrong === 0 && counted.acknowledged > 0 };
}

/** Counts of several projects as one. */
export function sumOfCounts([first, ...rest]) {
  const sum = { ...first };
  for (const one of rest) {
    const { held, drainedMs, ...figures } = one;
    for (const [name, figure] of Object.entries(figures)) sum[name] += figure;
    sum.held &&= held;
    sum.drainedMs = Math.max(sum.drainedMs, drainedMs);
  }
  return sum;
}

/** What a count says besides the columns of the table: lines for people. */
export const linesOf = (counted) => [
  `${counted.sent} events sent, ${counted.stored} stored, ${counted.refused} refused and kept; ${counted.unknown} requests of unknown fate`,
  ...(counted.foreign > 0 ? [`${counted.foreign} stored that were never sent`] : []),
  ...(counted.refusedButStored > 0 ? [`${counted.refusedButStored} refused, but stored`] : []),
  ...(counted.refusedNotKept > 0 ? [`${counted.refusedNotKept} refused, and not kept`] : []),
];
