// Which statements run, and how is one stopped? The engine gives its own ids; a mark of ours tells which is whose.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Engine } from './engine';
import { fail } from './errors';
import { literal } from './settings';

/** A statement that runs. */
export interface RunningQuery {
  readonly queryId: string;
  /** Stands before the statement's text. */
  readonly mark: string;
  /** Tells the statement where the engine has written its text anew, which it does wherever a parameter is bound: the mark is lost then.
   *  To be set with the parameters; it has a meaning for the cache of results only, which nobody uses here. */
  readonly tag: { readonly query_cache_tag: string };
  readonly startedAt: number;
  /** Resolves when the client is gone. */
  readonly gone: AbortSignal;
}

/** Progress of a statement, as `X-ClickHouse-Progress` tells it: numbers as strings. */
export type Progress = Record<string, string>;

/** The statements of this server that run now. */
export class RunningQueries {
  private readonly byId = new Map<string, RunningQuery>();
  private desk: Connection | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly engine: Engine) {}

  get count(): number {
    return this.byId.size;
  }

  /** Notes a statement. @throws ServerError 216 where one of this id runs */
  start(queryId: string, gone: AbortSignal): RunningQuery {
    if (this.byId.has(queryId)) throw fail(216, `Query with id = ${queryId} is already running.`);
    const mark = `/*mr:${randomBytes(9).toString('base64url')}*/ `;
    const tag = { query_cache_tag: mark.trim() };
    const query = { queryId, mark, tag, startedAt: performance.now(), gone };
    this.byId.set(queryId, query);
    return query;
  }

  end(query: RunningQuery): void {
    this.byId.delete(query.queryId);
  }

  find(queryId: string): RunningQuery | undefined {
    return this.byId.get(queryId);
  }

  /** Stops a statement, asking again until it has ended: it may not have reached the engine yet.
   *  TRICKY: never KILL … SYNC, which does not answer. */
  async stop(query: RunningQuery): Promise<void> {
    while (this.byId.get(query.queryId) === query) {
      await this.ask(`KILL QUERY WHERE ${isIt(query)} FORMAT Null`).catch(() => undefined);
      await sleep(100);
    }
  }

  /** Stops all of them. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.byId.values()].map((query) => this.stop(query)));
  }

  /** The engine's own id of a statement, where it has begun. */
  async engineId(query: RunningQuery): Promise<string | undefined> {
    const sql = `SELECT query_id FROM system.processes WHERE ${isIt(query)} LIMIT 1`;
    return (await this.ask(sql)).trim() || undefined;
  }

  /** How far a statement is, where it has begun. */
  async progress(query: RunningQuery): Promise<Progress | undefined> {
    const text = await this.ask(`SELECT toString(read_rows) AS read_rows, toString(read_bytes) AS read_bytes,
      toString(written_rows) AS written_rows, toString(written_bytes) AS written_bytes,
      toString(total_rows_approx) AS total_rows_to_read, toString(toUInt64(elapsed * 1e9)) AS elapsed_ns
      FROM system.processes WHERE ${isIt(query)} LIMIT 1 FORMAT JSONEachRow`);
    return text === '' ? undefined : (JSON.parse(text) as Progress);
  }

  close(): void {
    this.desk?.close();
  }

  /** One short question at a time, on a connection that no client can occupy. */
  private ask(sql: string): Promise<string> {
    const answer = this.turn.then(async () => {
      this.desk ??= this.engine.connect();
      return Buffer.from((await this.desk.run(sql)).bytes).toString();
    });
    this.turn = answer.catch(() => undefined);
    return answer;
  }
}

const isIt = ({ mark, tag }: RunningQuery): string =>
  `(startsWith(query, ${literal(mark)}) OR Settings['query_cache_tag'] = ${literal(tag.query_cache_tag)})`;
