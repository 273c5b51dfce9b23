// How many are there now? Visitors and events of the last minutes, counted on in memory from what the warehouse said last. Pure.
import { MINUTE_MS, SECOND_MS } from '../../common/time-range';

/** Figures of the last 5 and 30 minutes. */
export interface LiveFigures {
  readonly visitors5m: number;
  readonly visitors30m: number;
  readonly pageviews5m: number;
  readonly pageviews30m: number;
  readonly events5m: number;
  readonly events30m: number;
}

/** What is known of an event; times are milliseconds, hashes any text. */
export interface LiveFact {
  readonly id: string;
  readonly at: number;
  readonly receivedAt: number;
  readonly visitor: string;
  /** Undefined: none. */
  readonly user?: string;
  readonly pageview: boolean;
}

/** What the warehouse says of the 30 minutes that end with `until`. */
export interface RecentRows {
  readonly until: number;
  /** Every visitor with an event: to whom it belongs, and when it was last seen. */
  readonly visitors: readonly { readonly visitor: string; readonly identity: string; readonly lastMs: number }[];
  readonly seconds: readonly { readonly second: number; readonly events: number; readonly pageviews: number }[];
  /** Ids of the events among them that the server received at `latestFrom` or later. */
  readonly latestFrom: number;
  readonly latestIds: readonly string[];
  /** Where there are too many visitors to list: how many. `visitors` is empty then. */
  readonly counted?: { readonly visitors5m: number; readonly visitors30m: number };
}

const SHORT_MS = 5 * MINUTE_MS;
const LONG_MS = 30 * MINUTE_MS;
/** Events that bear a time to come are counted when it has come; so many are remembered. */
const MOST_AHEAD = 10_000;

export class RecentActivity {
  readonly #owners = new Map<string, string>();
  readonly #lastSeen = new Map<string, number>();
  readonly #seconds = new Map<number, { events: number; pageviews: number }>();
  readonly #counted: RecentRows['counted'];
  readonly #read: { readonly until: number; readonly latestFrom: number; readonly latestIds: ReadonlySet<string> };
  #ahead: LiveFact[] = [];
  #isBehind = false;

  /** @param since facts that were told of since the warehouse was asked, and those that were `ahead` before */
  constructor(rows: RecentRows, since: readonly LiveFact[], now: number) {
    this.#counted = rows.counted;
    this.#read = { until: rows.until, latestFrom: rows.latestFrom, latestIds: new Set(rows.latestIds) };
    for (const { visitor, identity, lastMs } of rows.visitors) {
      this.#owners.set(visitor, identity);
      this.#see(identity, lastMs);
    }
    for (const { second, events, pageviews } of rows.seconds) this.#seconds.set(second, { events, pageviews });
    for (const fact of since) this.add(fact, now);
  }

  /** Whether an event was left out of the figures, as it may have been among what the warehouse said: to be asked again. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Events whose time has not come. */
  get ahead(): readonly LiveFact[] {
    return this.#ahead;
  }

  /** Counts an event, unless the warehouse had it. Each may be given once. */
  add(fact: LiveFact, now: number): void {
    if (fact.at <= now - LONG_MS || this.#wasRead(fact)) return;
    if (fact.at <= now) this.#count(fact);
    else if (this.#ahead.length < MOST_AHEAD) this.#ahead.push(fact);
  }

  /** TRICKY: an event is stored before it is told of, and may be read in between. What waited in the spool was received long ago
   *  and is not among the ids: nobody can say whether it was read, and to leave it out until the next look is never too much. */
  #wasRead({ id, at, receivedAt }: LiveFact): boolean {
    const { until, latestFrom, latestIds } = this.#read;
    if (at > until) return false;
    if (receivedAt >= latestFrom) return latestIds.has(id);
    this.#isBehind = true;
    return true;
  }

  #count({ at, visitor, user, pageview }: LiveFact): void {
    const second = Math.floor(at / SECOND_MS);
    const counts = this.#seconds.get(second) ?? { events: 0, pageviews: 0 };
    counts.events += 1;
    if (pageview) counts.pageviews += 1;
    this.#seconds.set(second, counts);
    if (this.#counted === undefined) this.#see(this.#ownerOf(visitor, user), at);
  }

  /** What the figures are at this moment. */
  figures(now: number): LiveFigures {
    const come = this.#ahead.filter(({ at }) => at <= now);
    if (come.length > 0) {
      this.#ahead = this.#ahead.filter(({ at }) => at > now);
      for (const fact of come) this.#count(fact);
    }
    let [visitors5m, visitors30m, pageviews5m, pageviews30m, events5m, events30m] = [0, 0, 0, 0, 0, 0];
    for (const [identity, last] of this.#lastSeen) {
      if (last <= now - LONG_MS) this.#lastSeen.delete(identity);
      else {
        visitors30m += 1;
        if (last > now - SHORT_MS) visitors5m += 1;
      }
    }
    for (const [second, { events, pageviews }] of this.#seconds) {
      const at = second * SECOND_MS;
      if (at <= now - LONG_MS) {
        this.#seconds.delete(second);
        continue;
      }
      events30m += events;
      pageviews30m += pageviews;
      if (at <= now - SHORT_MS) continue;
      events5m += events;
      pageviews5m += pageviews;
    }
    return {
      ...(this.#counted ?? { visitors5m, visitors30m }),
      pageviews5m,
      pageviews30m,
      events5m,
      events30m,
    };
  }

  /** To whom an event belongs: its user, else whoever its visitor was linked to. The first event of a visitor that names a user
   *  links it, for its past too. */
  #ownerOf(visitor: string, user: string | undefined): string {
    const owner = this.#owners.get(visitor) ?? visitor;
    if (user === undefined) {
      this.#owners.set(visitor, owner);
      return owner;
    }
    if (owner === visitor && user !== visitor) {
      this.#owners.set(visitor, user);
      const last = this.#lastSeen.get(visitor);
      this.#lastSeen.delete(visitor);
      if (last !== undefined) this.#see(user, last);
    }
    return user;
  }

  #see(identity: string, at: number): void {
    if (at > (this.#lastSeen.get(identity) ?? -Infinity)) this.#lastSeen.set(identity, at);
  }
}
