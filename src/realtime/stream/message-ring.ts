// What was sent lately? The messages of a project in their order, bounded by age and size, for readers that come back. Pure.

/** Words of the `event:` line of what every stream of a project gets. */
export type MessageKind = 'event' | 'stats' | 'gap' | 'snapshot';

/** A message that every stream of a project gets, or those that chose its name. */
export interface KeptMessage {
  /** From 1, each one more than the last. */
  readonly number: number;
  readonly kind: MessageKind;
  /** JSON of one line. */
  readonly data: string;
  /** When it came, milliseconds. */
  readonly at: number;
  /** Of an event: its id and its name. */
  readonly id?: string;
  readonly name?: string;
  /** It was taken back: nothing is sent for it. Numbers have no holes. */
  readonly gone?: true;
}

/** What a message takes beside its data. */
const OVERHEAD_BYTES = 250;

/** A count of bytes that several rings share. */
export interface SharedBytes {
  bytes: number;
}

export class MessageRing {
  #messages: KeptMessage[] = [];
  /** Of the first that is kept. */
  #start = 0;
  #bytes = 0;
  #last = 0;
  readonly #ids = new Set<string>();

  constructor(
    private readonly limits: {
      readonly keptMs: number;
      readonly keptBytes: number;
      readonly keptBytesOfProcess: number;
    },
    private readonly shared: SharedBytes,
  ) {}

  /** Number of the newest message; 0 before there is one. */
  get last(): number {
    return this.#last;
  }

  /** Whether an event of this id is among what is kept. */
  hasEvent(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adds a message and lets go of what is too old or too much. */
  push(message: Omit<KeptMessage, 'number'>): KeptMessage {
    const kept = { ...message, number: ++this.#last };
    this.#messages.push(kept);
    if (kept.id !== undefined) this.#ids.add(kept.id);
    this.#weigh(sizeOf(kept));
    this.trim(message.at);
    return kept;
  }

  /** Lets go of what is too old by now. */
  trim(now: number): void {
    const { keptMs, keptBytes, keptBytesOfProcess } = this.limits;
    for (let first = this.#messages[this.#start]; first !== undefined; first = this.#messages[this.#start]) {
      if (first.at > now - keptMs && this.#bytes <= keptBytes && this.shared.bytes <= keptBytesOfProcess) break;
      this.#weigh(-sizeOf(first));
      if (first.id !== undefined) this.#ids.delete(first.id);
      this.#start += 1;
    }
    // Moving the rest costs as much as it is long: done once for as many.
    if (this.#start * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Whether every message after this number is still kept. */
  holdsAfter(number: number): boolean {
    return number <= this.#last && number >= this.#last - (this.#messages.length - this.#start);
  }

  /** Messages after this number, oldest first; at least one where there is one, then up to so many bytes. */
  after(number: number, mostBytes: number): KeptMessage[] {
    const first = this.#messages.length - (this.#last - number);
    const taken: KeptMessage[] = [];
    let bytes = 0;
    for (let at = Math.max(first, this.#start); at < this.#messages.length && bytes < mostBytes; at += 1) {
      const message = this.#messages[at]!;
      taken.push(message);
      bytes += sizeOf(message);
    }
    return taken;
  }

  /** Takes back the events that are chosen. */
  forget(chosen: (message: KeptMessage) => boolean): void {
    for (let at = this.#start; at < this.#messages.length; at += 1) {
      const message = this.#messages[at]!;
      if (message.kind !== 'event' || !chosen(message)) continue;
      const { number, kind, at: when } = message;
      const emptied: KeptMessage = { number, kind, data: '', at: when, gone: true };
      this.#messages[at] = emptied;
      this.#weigh(sizeOf(emptied) - sizeOf(message));
      if (message.id !== undefined) this.#ids.delete(message.id);
    }
  }

  /** Lets go of everything. */
  clear(): void {
    this.#weigh(-this.#bytes);
    this.#messages = [];
    this.#start = 0;
    this.#ids.clear();
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    this.shared.bytes += bytes;
  }
}

const sizeOf = ({ data }: KeptMessage): number => data.length + OVERHEAD_BYTES;
