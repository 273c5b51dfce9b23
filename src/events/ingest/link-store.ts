// Which visitor was seen with which user? Written before the events that say so, each pair once, and whoever derives is told first.
import { Injectable, Optional } from '@nestjs/common';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Bound, clickhouseTime, type Sql, sql } from '../../platform/clickhouse/sql';
import { ChangeLog, decimals, type ProjectVisitor, type Ticket } from '../changes';
import { ErasedVisitors } from '../erasure/erased-visitors';
import type { Block, Entry } from './block';

/** Runs a look-up of a writer. @throws ClickHouseFault */
export type LookUp = <T>(query: Sql) => Promise<T[]>;

interface Link {
  readonly project: number;
  readonly visitor: string;
  readonly user: string;
  readonly at: number;
}

const columns = ['project_id', 'visitor_id', 'user_id', 'first_at'] as const;
/** Pairs of visitor and user that are known to be stored. 100,000 take about 10 MB. */
const KNOWN_LINKS = 100_000;

const visitorOf = ({ project, visitor }: ProjectVisitor): string => `${project}:${visitor}`;
const pairOf = (link: Pick<Link, 'project' | 'visitor' | 'user'>): string => `${visitorOf(link)}:${link.user}`;
/** Whether a link wins over another: the rule by which events are read, see `firstLinks`. */
const isBefore = (a: Link, b: Link): boolean => a.at < b.at || (a.at === b.at && BigInt(a.user) < BigInt(b.user));

@Injectable()
export class LinkStore {
  /** Pair of visitor and user -> the earliest time that is stored for it. */
  readonly #known = new Map<string, number>();

  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly changes: ChangeLog,
    @Optional() private readonly erased?: ErasedVisitors,
  ) {}

  /** Stores the links of a block that are not stored yet, or only from a later time on. Repeatable.
   *  @throws ClickHouseFault; storeUnavailable where the ticket is a patient writer's */
  async store({ entries, id }: Block, ticket: Ticket, lookUp: LookUp, timeoutMs?: number): Promise<void> {
    const unknown = this.#unknown(entries);
    if (unknown.length === 0) return;
    const stored = await lookUp<Link>(storedLinks(unknown));
    const times = new Map(stored.map((link) => [pairOf(link), link.at]));
    // TRICKY: links of somebody who is being erased may be there now and gone in a moment: they are written in any case.
    const news = unknown.filter((link) => link.at < (times.get(pairOf(link)) ?? Infinity) || this.#isUnsettled(link));
    if (news.length > 0) {
      await this.changes.linking(moved(news, stored), ticket);
      await this.clickhouse.insert(
        {
          table: 'visitor_links',
          columns,
          body: news
            .map(({ project, visitor, user, at }) => JSON.stringify([project, visitor, user, clickhouseTime(at)]))
            .join('\n'),
          token: `${id}:links`,
        },
        timeoutMs,
      );
    }
    for (const link of unknown)
      if (!this.#wasErased(link)) this.#remember(link, Math.min(link.at, times.get(pairOf(link)) ?? Infinity));
  }

  /** Of somebody who was erased nothing is remembered: it may be from before. */
  #wasErased({ project, visitor, user }: Link): boolean {
    return this.erased?.isAny(project, [visitor, user]) === true;
  }

  #isUnsettled({ project, visitor, user }: Link): boolean {
    return [visitor, user].some((hash) => this.erased?.isUnsettled(project, hash) === true);
  }

  /** The earliest of each pair that is earlier than what is known of it. */
  #unknown(entries: readonly Entry[]): Link[] {
    const links = new Map<string, Link>();
    for (const { project, visitor, user, at } of entries) {
      if (user === '0' || user === visitor) continue;
      const link = { project, visitor, user, at };
      const pair = pairOf(link);
      const known = this.#wasErased(link) ? Infinity : (this.#known.get(pair) ?? Infinity);
      if (at < Math.min(known, links.get(pair)?.at ?? Infinity)) links.set(pair, link);
    }
    return [...links.values()];
  }

  #remember(link: Link, at: number): void {
    const pair = pairOf(link);
    this.#known.delete(pair);
    this.#known.set(pair, at);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KNOWN_LINKS) break;
      this.#known.delete(oldest);
    }
  }
}

/** Visitors that belong to another user once the new links are stored. Two writers at once may both count one: never neither. */
const moved = (news: readonly Link[], stored: readonly Link[]): ProjectVisitor[] => {
  const first = new Map<string, Link>();
  for (const link of stored) {
    const known = first.get(visitorOf(link));
    if (known === undefined || isBefore(link, known)) first.set(visitorOf(link), link);
  }
  const changed = news.filter((link) => {
    const owner = first.get(visitorOf(link));
    return owner === undefined || (owner.user !== link.user && isBefore(link, owner));
  });
  return [
    ...new Map(changed.map(({ project, visitor }) => [visitorOf({ project, visitor }), { project, visitor }])).values(),
  ];
};

/** Every link of the visitors of these: rows of `Link`. */
const storedLinks = (links: readonly Link[]): Sql => sql`
  SELECT project_id AS project, toString(visitor_id) AS visitor, toString(user_id) AS user,
         toUnixTimestamp64Milli(min(first_at)) AS at
  FROM visitor_links
  WHERE project_id IN ${new Bound('Array(UInt32)', [...new Set(links.map(({ project }) => project))])}
    AND visitor_id IN ${decimals([...new Set(links.map(({ visitor }) => visitor))])}
  GROUP BY project_id, visitor_id, user_id`;
