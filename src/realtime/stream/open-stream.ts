// How is one reader served? Bytes go to its connection as they are; one that does not read them is cut off, never buffered without bound.
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a reader that catches up may take over a quarter of a megabyte. */
const PATIENCE_MS = 20_000;

/** Who reads. */
export interface Reader {
  /** "root" or the id of a key. */
  readonly keyId: string;
  readonly projectId: string;
  /** Recognises the reader when it comes back. */
  readonly mark: string;
}

export class OpenStream {
  /** The number of the last message that it got, while it still catches up. */
  catchingUpAt: number | undefined;
  /** Bytes that it had left unread when it was cut off. */
  droppedAt: number | undefined;

  constructor(
    private readonly response: ServerResponse,
    readonly reader: Reader,
    private readonly unreadBytes: number,
    private readonly onDropped: (stream: OpenStream) => void,
  ) {}

  /** Whether nothing can be written any more. */
  get closed(): boolean {
    return this.response.writableEnded || this.response.destroyed;
  }

  /** Writes, or cuts off who has left too much unread. @returns whether the reader keeps up */
  write(bytes: Buffer | string): boolean {
    if (this.closed) return false;
    const keepsUp = this.response.write(bytes);
    if (this.response.writableLength > this.unreadBytes) this.#drop();
    return keepsUp;
  }

  /** Writes, and waits until it was read: for what is larger than a stream may leave unread. Cuts off who does not read at all. */
  async writePatiently(text: string): Promise<void> {
    if (this.closed || this.response.write(text)) return;
    const settled = new AbortController();
    const read = ['drain', 'close'].map((event) => once(this.response, event, { signal: settled.signal }));
    const late = sleep(PATIENCE_MS, 'late' as const, { signal: settled.signal });
    const outcome = await Promise.race([...read, late]);
    settled.abort();
    await Promise.allSettled([...read, late]);
    if (outcome === 'late') this.#drop();
  }

  #drop(): void {
    this.droppedAt = this.response.writableLength;
    this.onDropped(this);
    this.response.destroy();
  }

  /** Ends the stream with a last word. */
  end(text: string): void {
    if (!this.closed) this.response.end(text);
  }
}
