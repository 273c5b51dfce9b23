// How do whole tables get out of Postgres and in again? By COPY, row by row, of which the client knows the messages but has no use.
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { Client } from 'pg';

/** What of a connection of `pg` COPY needs. */
interface Wire {
  readonly stream: { pause(): void; resume(): void; readonly writableNeedDrain: boolean };
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/** What `pg` calls while a query of somebody's own runs. */
abstract class Copy {
  protected wire: Wire | undefined;

  constructor(readonly text: string) {}

  submit(wire: Wire): void {
    this.wire = wire;
    wire.query(this.text);
  }

  abstract handleCopyData(message: { chunk: Buffer }): void;
  abstract handleCopyInResponse(wire: Wire): void;
  abstract handleCommandComplete(message: { text: string }): void;
  abstract handleError(error: Error): void;
  abstract handleReadyForQuery(): void;
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

class CopyOut extends Copy {
  rows = 0;
  readonly #rows = new Readable({ read: () => this.wire?.stream.resume(), highWaterMark: 1_048_576 });

  get readable(): Readable {
    return this.#rows;
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    // TRICKY: the chunk is a window on the connection's own buffer, which is written again.
    if (!this.#rows.push(Buffer.from(chunk))) this.wire?.stream.pause();
  }

  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail('nothing is to be copied in');
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.rows = countOf(text);
  }

  handleError(error: Error): void {
    this.wire?.stream.resume();
    this.#rows.destroy(error);
  }

  handleReadyForQuery(): void {
    if (!this.#rows.destroyed) this.#rows.push(null);
  }
}

class CopyIn extends Copy {
  readonly done: Promise<number>;
  #resolve: (rows: number) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #rows = 0;
  #failed: Error | undefined;

  constructor(
    text: string,
    private readonly source: Readable,
  ) {
    super(text);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  handleCopyData(): void {}

  handleCopyInResponse(wire: Wire): void {
    void this.#feed(wire);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#rows = countOf(text);
  }

  handleError(error: Error): void {
    this.#failed ??= error;
    this.source.destroy();
    this.#reject(this.#failed);
  }

  handleReadyForQuery(): void {
    if (this.#failed === undefined) this.#resolve(this.#rows);
    else this.#reject(this.#failed);
  }

  async #feed(wire: Wire): Promise<void> {
    try {
      for await (const chunk of this.source as AsyncIterable<Buffer>) {
        wire.sendCopyFromChunk(chunk);
        if (wire.stream.writableNeedDrain) await once(wire.stream as never, 'drain');
      }
      wire.endCopyFrom();
    } catch (error) {
      if (this.#failed !== undefined) return;
      this.#failed = error as Error;
      wire.sendCopyFail('the rows could not be read');
    }
  }
}

/** "COPY 12" says 12. */
const countOf = (tag: string): number => Number(/^COPY (\d+)$/.exec(tag)?.[1] ?? 0);

/** What a table holds.
 *  @param source `table (columns)` or `(SELECT …)`
 *  @returns its rows in COPY's text format; `rows()` counts them once they were read to the end */
export function copyOut(client: Client, source: string): { stream: Readable; rows: () => number } {
  const copy = new CopyOut(`COPY ${source} TO STDOUT`);
  client.query(copy as never);
  return { stream: copy.readable, rows: () => copy.rows };
}

/** Adds rows to a table.
 *  @param target `table (columns)` @param rows in COPY's text format
 *  @returns how many there were @throws what Postgres says */
export function copyIn(client: Client, target: string, rows: Readable): Promise<number> {
  const copy = new CopyIn(`COPY ${target} FROM STDIN`, rows);
  client.query(copy as never);
  return copy.done;
}
