// How do temporary tables and SET live from one request to the next? A named session keeps a connection of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Engine } from './engine';
import { fail } from './errors';
import type { ClickHouseRequest } from './request';
import { identifier, literal } from './settings';

interface NamedSession {
  readonly connection: Connection;
  busy: boolean;
  /** Called when it is no longer busy. */
  freed: (() => void) | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Parameters that requests of this session have left on the connection. */
  readonly left: Set<string>;
}

/** A connection for the length of one request. */
export interface Lease {
  readonly connection: Connection;
  readonly named: boolean;
  /** Whether the connection has the request's database and settings already. */
  readonly prepared: boolean;
  /** Parameters of earlier requests, which this one must not see. */
  readonly left: Set<string>;
  /** Undoes what the request set, or drops the connection.
   *  @param wentWell whether the statement ended as it should */
  giveBack(wentWell?: boolean): Promise<void>;
}

const MOST_SESSIONS = 200;
const TIDY_MS = 200;
/** Connections of one kind that wait for the next insert of that kind, and how many kinds there may be. */
const MOST_READY = 4;
const MOST_KINDS = 16;

/** All named sessions. A request without one gets a connection that nobody used before and nobody will use again, so that nothing of
 *  it can stick. Inserts of rows are the exception: they leave nothing behind, so the next one with the very same database and settings
 *  gets the connection of the last, and is spared two statements that cost as much as a small insert itself. */
export class Sessions {
  private readonly named = new Map<string, NamedSession>();
  private readonly ready = new Map<string, Connection[]>();

  constructor(private readonly engine: Engine) {}

  /** @throws ServerError 372 unknown, 373 in use, 202 too many */
  async lease(request: ClickHouseRequest, leavesNothing = false): Promise<Lease> {
    const wanted = request.session;
    if (wanted === undefined) {
      if (leavesNothing && request.parameters.size === 0) return this.leaseReady(request);
      const connection = this.engine.connect();
      const giveBack = (): Promise<void> => Promise.resolve(connection.close());
      return { connection, named: false, prepared: false, left: new Set(), giveBack };
    }
    let session = this.open(wanted.id, wanted.mustExist);
    // A client may have its answer a moment before the session is tidy again, or is given up as it can't be.
    if (session.busy) {
      const waited = session;
      await Promise.race([new Promise<void>((resolve) => (waited.freed = resolve)), sleep(TIDY_MS)]);
      session = this.open(wanted.id, wanted.mustExist);
    }
    const held = session;
    if (held.busy) throw fail(373, `Session ${wanted.id} is locked by a concurrent client.`);
    held.busy = true;
    clearTimeout(held.timer);
    const undo = await this.undo(held.connection, request).catch((error: unknown) => {
      this.drop(wanted.id, held);
      throw error;
    });
    return {
      connection: held.connection,
      named: true,
      prepared: false,
      left: held.left,
      giveBack: async () => {
        for (const name of request.parameters.keys()) held.left.add(name);
        try {
          for (const sql of undo) await held.connection.run(sql);
          held.timer = setTimeout(() => this.drop(wanted.id, held), wanted.timeoutS * 1_000).unref();
        } catch {
          this.drop(wanted.id, held);
        }
        held.busy = false;
        held.freed?.();
      },
    };
  }

  close(): void {
    for (const [id, session] of this.named) this.drop(id, session);
    for (const connections of this.ready.values()) for (const connection of connections) connection.close();
    this.ready.clear();
  }

  private leaseReady(request: ClickHouseRequest): Lease {
    const kind = JSON.stringify([request.database, ...[...request.settings].sort(([a], [b]) => (a < b ? -1 : 1))]);
    const waiting = this.ready.get(kind);
    const found = waiting?.pop();
    const connection = found ?? this.engine.connect();
    return {
      connection,
      named: false,
      prepared: found !== undefined,
      left: new Set(),
      giveBack: (wentWell = false) => {
        const others = this.ready.get(kind) ?? [];
        if (wentWell && others.length < MOST_READY && (this.ready.has(kind) || this.ready.size < MOST_KINDS)) {
          others.push(connection);
          this.ready.set(kind, others);
        } else connection.close();
        return Promise.resolve();
      },
    };
  }

  private open(id: string, mustExist: boolean): NamedSession {
    const found = this.named.get(id);
    if (found !== undefined) return found;
    if (mustExist) throw fail(372, `Session ${id} not found.`);
    if (this.named.size >= MOST_SESSIONS) throw fail(202, 'Too many sessions.');
    const session = {
      connection: this.engine.connect(),
      busy: false,
      freed: undefined,
      timer: undefined,
      left: new Set<string>(),
    };
    this.named.set(id, session);
    return session;
  }

  /** TRICKY: another session may have its name by now, and must not lose its connection under a statement. */
  private drop(id: string, session: NamedSession): void {
    if (this.named.get(id) !== session) return;
    this.named.delete(id);
    clearTimeout(session.timer);
    session.connection.close();
  }

  /** The statements that bring back what the session had before the request's own settings and database. */
  private async undo(connection: Connection, request: ClickHouseRequest): Promise<readonly string[]> {
    const ask = async (sql: string): Promise<string> =>
      Buffer.from((await connection.run(sql)).bytes)
        .toString()
        .trim();
    const undo: string[] = [];
    const names = [...request.settings.keys()].filter((name) => name !== 'readonly').map(literal);
    if (names.length > 0) {
      const text = await ask(
        `SELECT name, value FROM system.settings WHERE name IN (${names.join(', ')}) FORMAT JSONCompactEachRow`,
      );
      const rows = text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as [string, string]);
      if (rows.length > 0) undo.push(`SET ${rows.map(([name, value]) => `${name} = ${literal(value)}`).join(', ')}`);
    }
    if (request.database !== undefined)
      undo.push(`USE ${identifier(await ask('SELECT currentDatabase() FORMAT RawBLOB'))}`);
    return undo;
  }
}
