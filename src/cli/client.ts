// How do our own commands talk to a server? Over the same HTTP API as everybody else, patiently: what may be retried is.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventInput } from '../events/event-input';

/** What a batch was answered. */
export interface BatchAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly filtered: readonly { readonly index: number; readonly reason: string }[];
  readonly rejected: readonly {
    readonly index: number;
    readonly code: string;
    readonly errors?: readonly { readonly path: string; readonly message: string }[];
  }[];
}

/** Where a server is, and the key to speak to it with. */
export interface Target {
  /** Without a slash at the end, e.g. http://127.0.0.1:3000 */
  readonly url: string;
  readonly key: string;
}

/** The server said no, in a way that asking again does not change; or it did not answer for long. `message` is one line for a person. */
export class ApiFailure extends Error {
  constructor(
    message: string,
    /** Missing where there was no answer. */
    readonly status?: number,
    readonly code?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ApiFailure';
  }
}

export interface ClientOptions {
  /** The project to act on, for root keys. */
  readonly projectId?: string;
  /** How long one request is repeated while the server is away or busy, milliseconds. */
  readonly patienceMs?: number;
  /** Told before each wait. */
  readonly onWait?: (why: string, waitMs: number) => void;
}

const REQUEST_TIMEOUT_MS = 60_000;
const LONGEST_WAIT_MS = 30_000;
const RETRIED = new Set([408, 429, 502, 503, 504]);

/** A client of the API. The same request is repeated after 429, 502, 503, 504 and network faults, which is harmless:
 *  events have ids, and project creation has an `Idempotency-Key`. */
export class ApiClient {
  readonly #patienceMs: number;

  constructor(
    readonly target: Target,
    private readonly options: ClientOptions = {},
  ) {
    this.#patienceMs = options.patienceMs ?? 300_000;
  }

  /** Sends a batch until it is answered. @throws ApiFailure */
  sendEvents(events: readonly EventInput[]): Promise<BatchAnswer> {
    return this.request('POST', '/events/batch', { body: { events } });
  }

  /** Makes a request under /api/v1 and gives its JSON back. @throws ApiFailure */
  async request<T>(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    { body, idempotencyKey }: { body?: unknown; idempotencyKey?: string } = {},
  ): Promise<T> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = {
      'x-api-key': this.target.key,
      accept: 'application/json',
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...(this.options.projectId === undefined ? {} : { 'x-project-id': this.options.projectId }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    const deadline = Date.now() + this.#patienceMs;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(method, path, headers, payload);
      if (answer.kind === 'done') return answer.json as T;
      const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(answer.waitMs ?? 0, backoffMs(attempt)));
      if (answer.kind === 'failed' || Date.now() + waitMs > deadline) throw answer.failure;
      this.options.onWait?.(answer.failure.message, waitMs);
      await sleep(waitMs);
    }
  }

  async #attempt(
    method: string,
    path: string,
    headers: Record<string, string>,
    payload: string | undefined,
  ): Promise<Attempt> {
    try {
      const response = await fetch(`${this.target.url}/api/v1${path}`, {
        method,
        headers,
        ...(payload === undefined ? {} : { body: payload }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.ok) return { kind: 'done', json: text === '' ? undefined : JSON.parse(text) };
      const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
      return {
        kind: RETRIED.has(response.status) ? 'retry' : 'failed',
        failure: refusal(response.status, text),
        ...(retryAfter >= 0 ? { waitMs: retryAfter * 1000 } : {}),
      };
    } catch (cause) {
      return { kind: 'retry', failure: unreachable(this.target.url, cause) };
    }
  }
}

type Attempt =
  | { readonly kind: 'done'; readonly json: unknown }
  | { readonly kind: 'retry' | 'failed'; readonly failure: ApiFailure; readonly waitMs?: number };

/** 0.2 s, doubled each time, give or take a fifth so that several senders do not come back at once. */
const backoffMs = (attempt: number): number => 200 * 2 ** Math.min(attempt, 7) * (0.8 + Math.random() * 0.4);

function refusal(status: number, text: string): ApiFailure {
  let told: { title?: string; detail?: string; code?: string; errors?: { path: string; message: string }[] } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    // Not an answer of ours: a proxy's page, say. The status tells what there is to tell.
  }
  // Many problems have in their detail what is wrong with a field already.
  const fields = (told.errors ?? [])
    .filter(({ message }) => told.detail?.includes(message) !== true)
    .map(({ path, message }) => `${path} ${message}`.trim())
    .join('; ');
  const words = [told.detail ?? told.title, fields].filter((part) => part !== undefined && part !== '').join(': ');
  return new ApiFailure(`the server answered ${status}${words === '' ? '' : ` (${words})`}`, status, told.code);
}

function unreachable(url: string, cause: unknown): ApiFailure {
  const { code, name } = ((cause as Error).cause ?? cause) as { code?: unknown; name?: string };
  const reason = typeof code === 'string' ? code : (name ?? 'no reason given');
  return new ApiFailure(`${url} does not answer (${reason})`, undefined, undefined, { cause });
}

/** Runs `work` on every item with `lanes` at a time; the first failure ends it, after what is under way.
 *  Items are taken only as lanes are free, so a source is never read ahead of what was sent. */
export async function inLanes<T>(
  items: AsyncIterable<T>,
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  const state = { failed: false };
  const lane = async (): Promise<void> => {
    try {
      while (!state.failed) {
        const next = await iterator.next();
        if (next.done === true) return;
        await work(next.value);
      }
    } catch (error) {
      state.failed = true;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: lanes }, lane));
  await iterator.return?.();
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** Groups items for requests: at most `count` of them, and about `bytes` of JSON. */
export async function* inBatches<T>(items: AsyncIterable<T>, count: number, bytes: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let size = 0;
  for await (const item of items) {
    const itemSize = Buffer.byteLength(JSON.stringify(item));
    if (batch.length > 0 && (batch.length >= count || size + itemSize > bytes)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(item);
    size += itemSize;
  }
  if (batch.length > 0) yield batch;
}
