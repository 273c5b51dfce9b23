// How is ClickHouse's engine reached? The one file that knows the native part of `chdb`: connections that live for one request.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../config/paths';

/** What the engine answers to a statement. Rows and bytes are those of the result. */
export interface EngineResult {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  /** Seconds. */
  readonly elapsed: number;
}

/** What the engine says of an insert; rows of materialised views are counted too. */
export interface EngineInsert {
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly elapsed: number;
}

interface Addon {
  CreateConnection(path: string, args: readonly string[]): unknown;
  CloseConnection(handle: unknown): void;
  QueryAsyncConnection(handle: unknown, sql: string, format: string): Promise<EngineResult>;
  InsertRawAsyncConnection(handle: unknown, sql: string, data: Buffer, countLines: boolean): Promise<EngineInsert>;
}

/** Why the engine could not start, in one line for the operator. */
export class EngineStartError extends Error {
  constructor(
    message: string,
    /** ClickHouse's code, 76 where another process uses the directory. */
    readonly code?: number,
  ) {
    super(message);
  }
}

/** The addon is asked directly: `chdb`'s own `Session.close()` waits for every query of the process, so that connections of
 *  one request each would pile up behind one slow query. */
function loadAddon(): Addon {
  const requireFrom = createRequire(join(packageRoot, 'package.json'));
  let manifest: string;
  try {
    manifest = requireFrom.resolve('chdb/package.json');
  } catch {
    throw new EngineStartError('The package "chdb" is not installed: run "npm ci", or set CLICKHOUSE_URL.');
  }
  try {
    const loader = requireFrom(join(dirname(manifest), 'dist', 'loader.js')) as { loadNative(): Addon };
    return loader.loadNative();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : 'unknown';
    throw new EngineStartError(`The package "chdb" can't be loaded on this machine: ${reason}`);
  }
}

/** Whether a living process has the directory open. The addon tells every failure in the same words (the engine writes its
 *  code 76 to standard error), but the engine leaves its process id beside the data. */
function isHeld(dataDir: string): boolean {
  try {
    const pid = Number(/PID:\s*(\d+)/.exec(readFileSync(join(dataDir, 'status'), 'utf8'))?.[1]);
    if (!(pid > 0) || pid === process.pid) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One connection: its settings, parameters, current database and temporary tables are its own. One statement at a time. */
export class Connection {
  private running = 0;
  private closing = false;

  constructor(
    private readonly addon: Addon,
    private readonly handle: unknown,
  ) {}

  /** Runs one statement. @throws the engine's error, `Code: N. DB::Exception: … (NAME)` */
  run(sql: string, format = 'TabSeparated'): Promise<EngineResult> {
    return this.track(this.addon.QueryAsyncConnection(this.handle, sql, format));
  }

  /** Runs an INSERT whose data follow its text.
   *  TRICKY: the engine takes an empty line in the data for their end and what follows for SQL; the caller must exclude it. */
  insert(sql: string, data: Buffer): Promise<EngineInsert> {
    return this.track(this.addon.InsertRawAsyncConnection(this.handle, sql, data, false));
  }

  /** Closes at once, or after the statement that is still running: closing under it aborts the whole engine. */
  close(): void {
    this.closing = true;
    if (this.running === 0) this.addon.CloseConnection(this.handle);
  }

  private async track<T>(work: Promise<T>): Promise<T> {
    this.running += 1;
    try {
      return await work;
    } finally {
      this.running -= 1;
      if (this.closing && this.running === 0) this.addon.CloseConnection(this.handle);
    }
  }
}

/** So many connections wait opened, as opening costs a part of a millisecond. */
const SPARES = 8;

/** The engine on one data directory. Only one process may have it open. */
export class Engine {
  private readonly spares: Connection[] = [];
  private refilling = false;
  private closed = false;

  private constructor(
    private readonly addon: Addon,
    private readonly dataDir: string,
    private readonly root: unknown,
    private readonly sessionArgs: readonly string[],
    /** e.g. 26.7.2.1 */
    readonly version: string,
  ) {}

  /** Opens the engine.
   *  @param engineArgs ceilings, as `--name=value`
   *  @param sessionArgs settings that every connection begins with
   *  @throws EngineStartError */
  static async open(dataDir: string, engineArgs: readonly string[], sessionArgs: readonly string[]): Promise<Engine> {
    const addon = loadAddon();
    let root: unknown;
    try {
      root = addon.CreateConnection(dataDir, [...engineArgs, ...sessionArgs]);
    } catch (error) {
      if (isHeld(dataDir)) throw new EngineStartError(`Another process uses the ClickHouse directory ${dataDir}.`, 76);
      const reason = error instanceof Error ? error.message.split('\n')[0] : 'unknown';
      throw new EngineStartError(`ClickHouse can't open its directory: ${reason}`);
    }
    const answer = await addon.QueryAsyncConnection(root, 'SELECT version()', 'TabSeparated');
    return new Engine(addon, dataDir, root, sessionArgs, Buffer.from(answer.bytes).toString().trim());
  }

  /** A connection that nobody has used. The caller closes it. */
  connect(): Connection {
    const connection = this.spares.pop() ?? this.open();
    if (!this.refilling) {
      this.refilling = true;
      setTimeout(() => this.refill(), 1).unref();
    }
    return connection;
  }

  /** Ends the engine. All statements must have ended and all connections been closed. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const spare of this.spares) spare.close();
    this.addon.CloseConnection(this.root);
  }

  private open(): Connection {
    return new Connection(this.addon, this.addon.CreateConnection(this.dataDir, this.sessionArgs));
  }

  private refill(): void {
    this.refilling = false;
    try {
      while (!this.closed && this.spares.length < SPARES) this.spares.push(this.open());
    } catch {
      // Whoever needs one now is told; to have none waiting must not end the process.
    }
  }
}
