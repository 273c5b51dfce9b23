// May one more request come in? Decided before its body is read, by how many are in work, how much memory their bodies take, and how long
// it would wait; so that the server answers what it takes as quickly as ever, and says no at once to the rest. Pure: no HTTP, no clock.

/** Requests that have places of their own: events in, and everything else. Neither takes the other's. */
export type ShareName = 'ingest' | 'reads';

/** Why a request was refused: too many are in work (`requests`), it would wait too long (`delay`), their bodies take too much
 *  memory (`bytes`), or the body came so slowly that others needed its memory (`slow_body`). */
export type RefusalReason = 'requests' | 'delay' | 'bytes' | 'slow_body';

/** What a share may take. */
export interface ShareLimits {
  /** Requests in work at once, at most. */
  readonly requests: number;
  /** Wait from which on fewer are let in; 0: no wait is too long. */
  readonly delayMs: number;
  /** Bytes of bodies in work from which on no more than the least number is let in. */
  readonly bytes: number;
}

/** So many are let in however long they wait, and so many more places are kept for callers who have nothing in work. */
const LEAST = 32;
/** A wait is too long only where there has been more to do than the least for a while: a burst is no overload. */
const STANDING_MS = 1_000;
/** A body that takes longer to come is slow: it no longer holds a place, so that slow senders can't keep others out. */
const SLOW_MS = 1_000;
/** All bodies together may take so many times what those of events in work may; then the slowest is given up. */
const MEMORY_TIMES = 8;
/** Over how long answers are counted: on a slow machine they come in clumps, a block of events at a time. */
const WINDOW_MS = 2_000;
/** How quickly more is let in again, a tick: from the least number to 500 in seven seconds. */
const GROWTH = 1.04;

/** One share's places. */
class Share {
  inWork = 0;
  bytes = 0;
  limit: number;
  readonly least: number;
  readonly #ofCaller = new Map<string, number>();
  /** Answers of each tick of the last seconds; only those since more than the least number were in work, as only then all that can be
   *  done is done. */
  #answers: { since: number; count: number }[] = [];
  #answered = 0;
  #busySince: number | undefined;
  #lastTick = 0;

  constructor(readonly limits: ShareLimits) {
    this.limit = limits.requests;
    this.least = Math.min(LEAST, limits.requests);
  }

  refusal(caller: string): RefusalReason | undefined {
    const { requests, bytes } = this.limits;
    if (this.inWork < this.least) return undefined;
    if (this.inWork < this.limit + this.least && !this.#ofCaller.has(caller)) return undefined;
    if (this.inWork >= requests) return 'requests';
    if (this.inWork >= this.limit) return 'delay';
    return this.bytes >= bytes ? 'bytes' : undefined;
  }

  enter(caller: string, bytes: number, now: number): void {
    this.inWork += 1;
    this.bytes += bytes;
    if (this.inWork > this.least) this.#busySince ??= now;
    this.#ofCaller.set(caller, (this.#ofCaller.get(caller) ?? 0) + 1);
  }

  leave(caller: string, bytes: number): void {
    this.inWork -= 1;
    this.bytes -= bytes;
    if (this.inWork <= this.least) this.#busySince = undefined;
    const left = (this.#ofCaller.get(caller) ?? 1) - 1;
    if (left === 0) this.#ofCaller.delete(caller);
    else this.#ofCaller.set(caller, left);
  }

  answered(): void {
    this.#answered += 1;
  }

  /** Lets fewer in where one would have waited too long for a while, and slowly more after that.
   *  As long as a line is by how many are served in a second, so long is the wait in it (Little's law); known where somebody is served: a
   *  store that hangs serves nobody, and is no overload of this process. */
  tick(now: number, lagMs: number): void {
    const isServing = this.#answered > 0;
    const perMs = this.#rate(now);
    const { delayMs, requests } = this.limits;
    if (delayMs === 0) return;
    const busySince = this.#busySince;
    const waitMs = lagMs + (isServing && perMs > 0 ? this.inWork / perMs : 0);
    if (busySince !== undefined && waitMs > delayMs) {
      if (now - busySince < STANDING_MS) return;
      this.limit = Math.min(this.limit, Math.max(this.least, Math.floor((this.inWork * delayMs) / waitMs)));
    } else if (isServing || busySince === undefined) this.limit = Math.min(requests, Math.ceil(this.limit * GROWTH));
  }

  /** Answers a millisecond, while there was always more to do. */
  #rate(now: number): number {
    if (this.#busySince === undefined) this.#answers = [];
    else this.#answers.push({ since: Math.max(this.#busySince, this.#lastTick), count: this.#answered });
    this.#answers = this.#answers.filter(({ since }) => now - since <= WINDOW_MS);
    this.#answered = 0;
    this.#lastTick = now;
    const [first] = this.#answers;
    if (first === undefined || now <= first.since) return 0;
    return this.#answers.reduce((sum, { count }) => sum + count, 0) / (now - first.since);
  }
}

/** A request's place, from its first byte to its answer. */
export class Place {
  readonly #since: number;
  /** `coming`: its body is being received; `slow`: still; `working`: it is complete; `left`: it is answered, or its sender went away. */
  #state: 'coming' | 'slow' | 'working' | 'left' = 'coming';
  bytes = 0;

  constructor(
    private readonly admission: Admission,
    private readonly share: Share,
    private readonly caller: string,
    now: number,
    /** Ends a request whose body is given up. */
    readonly giveUp: () => void,
  ) {
    this.#since = now;
    share.enter(caller, 0, now);
  }

  get isWorking(): boolean {
    return this.#state === 'working';
  }

  /** More of the body came. */
  receive(bytes: number): void {
    if (this.#state === 'left') return;
    this.bytes += bytes;
    if (this.#state !== 'slow') this.share.bytes += bytes;
    this.admission.received(bytes);
  }

  /** Counts as slow from now on. @returns false where it is not that old */
  slow(now: number): boolean {
    if (now - this.#since < SLOW_MS) return false;
    this.#state = 'slow';
    this.share.leave(this.caller, this.bytes);
    return true;
  }

  /** The body is there, and work begins. @returns why not, where it came so slowly that others have its place now */
  work(now: number): RefusalReason | undefined {
    if (this.#state === 'slow') {
      const refusal = this.share.refusal(this.caller);
      if (refusal !== undefined) return refusal;
      this.share.enter(this.caller, this.bytes, now);
    }
    if (this.#state === 'left') return undefined;
    this.admission.arrived(this);
    this.#state = 'working';
    return undefined;
  }

  /** It is answered, or its sender went away. */
  leave(): void {
    if (this.#state === 'left') return;
    if (this.#state === 'working') this.share.answered();
    if (this.#state !== 'slow') this.share.leave(this.caller, this.bytes);
    this.#state = 'left';
    this.admission.arrived(this);
    this.admission.received(-this.bytes);
  }
}

/** How full a share is. */
export interface Standing {
  readonly inWork: number;
  readonly limit: number;
  readonly bytes: number;
}

/** The door. */
export class Admission {
  /** Told of each request that is refused. */
  onRefused: (share: ShareName, reason: RefusalReason) => void = () => undefined;
  readonly #shares: Readonly<Record<ShareName, Share>>;
  readonly #memory: number;
  /** Whose bodies are not complete: those that came a moment ago, and slow ones; the oldest first. */
  readonly #coming = new Set<Place>();
  readonly #slow = new Set<Place>();
  #bytes = 0;

  constructor(limits: Readonly<Record<ShareName, ShareLimits>>) {
    this.#shares = { ingest: new Share(limits.ingest), reads: new Share(limits.reads) };
    this.#memory = limits.ingest.bytes * MEMORY_TIMES;
  }

  /** Asks for a place.
   *  @param caller whose request it is, as far as can be told without looking anything up
   *  @param giveUp ends the request where its body came so slowly that its memory is needed by others
   *  @returns the place, or why there is none */
  enter(share: ShareName, caller: string, now: number, giveUp: () => void): Place | RefusalReason {
    const refusal = this.#bytes >= this.#memory ? 'bytes' : this.#shares[share].refusal(caller);
    if (refusal !== undefined) return refusal;
    const place = new Place(this, this.#shares[share], caller, now, giveUp);
    this.#coming.add(place);
    return place;
  }

  /** Counts bytes of bodies; where they are too many in all, gives up the body that has been on its way for longest. */
  received(bytes: number): void {
    this.#bytes += bytes;
    if (bytes <= 0 || this.#bytes <= this.#memory) return;
    const [oldest] = this.#slow.size > 0 ? this.#slow : this.#coming;
    oldest?.giveUp();
  }

  /** A body is no longer on its way. */
  arrived(place: Place): void {
    if (!this.#coming.delete(place)) this.#slow.delete(place);
  }

  /** Looks how it went; a few times a second. @param lagMs how late the event loop is: what all requests waited for beforehand */
  tick(now: number, lagMs: number): void {
    for (const place of this.#coming) {
      if (!place.slow(now)) break;
      this.#coming.delete(place);
      this.#slow.add(place);
    }
    for (const share of Object.values(this.#shares)) share.tick(now, lagMs);
  }

  standing(share: ShareName): Standing {
    const { inWork, limit, bytes } = this.#shares[share];
    return { inWork, limit, bytes };
  }

  /** Memory that bodies take, slow ones included. */
  get bytes(): number {
    return this.#bytes;
  }
}
