// What does a question to the directory mean? From parameters to a page of visitors, with what is known of them.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { encodeCursor, type Page } from '../../common/cursor';
import { hashIdentifier } from '../../events/pipeline';
import type { Caller } from '../../platform/http/caller';
import type { Project } from '../../projects';
import { badParameter, Spans } from '../../stats';
import { iso, toMoney, toSurroundings } from '../columns';
import { badCursor, readWalk, walkValues } from '../cursors';
import { orAllTime, Selections } from '../selection';
import { TraitsRepository } from '../traits/traits.repository';
import type { ListVisitorsQuery, Traits, VisitorDto } from '../visitors.dto';
import type { DirectoryOrder, DirectoryPlace, DirectoryRow, SortName } from './directory.queries';
import { DirectoryRepository } from './directory.repository';

@Injectable()
export class DirectoryService {
  constructor(
    private readonly directory: DirectoryRepository,
    private readonly traits: TraitsRepository,
    private readonly spans: Spans,
    private readonly selections: Selections,
    private readonly clock: Clock,
  ) {}

  /** A page of visitors. @throws invalidInput, storeUnavailable, queryTooLarge */
  async list(project: Project, query: ListVisitorsQuery, caller: Caller): Promise<Page<VisitorDto>> {
    const order = orderOf(query);
    const filter = await this.selections.of(project, query.filters);
    const now = this.clock.now();
    const span = await this.spans.of(project, orAllTime(query));
    const walk = query.cursor === undefined ? undefined : toPlace(query.cursor, order);
    const looked = walk ?? { range: span.range, arrived: now };
    const { rows, next } = await this.directory.page(
      {
        scope: {
          project: project.number,
          range: looked.range,
          arrived: looked.arrived,
          ...(span.since === undefined ? {} : { since: span.since }),
        },
        ...(filter === undefined ? {} : { filter }),
        order,
        limit: query.limit,
        ...(walk === undefined ? {} : { after: walk.after }),
        ...(query.search === undefined ? {} : { search: hashesOf(project, query.search) }),
        now,
      },
      caller,
    );
    const users = rows.filter(({ isUser }) => isUser === 1).map(({ id }) => id);
    const traits = await this.traits.of(project.id, users);
    return {
      data: rows.map((row) => toVisitorDto(row, traits.get(row.id) ?? null)),
      page: { next: next === undefined ? null : encodeCursor(walkValues(looked, [keyOf(order), next.value, next.id])) },
    };
  }
}

/** The order of a request. @throws invalidInput for one by revenue without a currency, and for a currency that nothing needs */
const orderOf = ({ sort, currency }: ListVisitorsQuery): DirectoryOrder => {
  const [name = 'lastSeen', direction = 'desc'] = sort.split(':');
  const by = name as SortName;
  if (by === 'revenue' && currency === undefined)
    throw badParameter('currency', 'required', 'is required where visitors are sorted by revenue');
  if (by !== 'revenue' && currency !== undefined)
    throw badParameter('currency', 'unused', 'is the currency of the revenue to sort by, which is not asked for');
  return { by, descending: direction === 'desc', ...(currency === undefined ? {} : { currency }) };
};

const keyOf = ({ by, descending, currency = '' }: DirectoryOrder): string =>
  `${by}:${descending ? 'desc' : 'asc'}${currency}`;

/** The place of a cursor. @throws invalidInput for that of another order, too */
const toPlace = (cursor: string, order: DirectoryOrder) => {
  const { place, ...looked } = readWalk(cursor, 3);
  const [key, value = '', id = ''] = place;
  const isValue = order.by === 'revenue' ? /^-?\d{1,30}(\.\d{1,4})?$/ : /^-?\d{1,15}$/;
  if (key !== keyOf(order) || !isValue.test(value) || !/^[0-9a-f]{16}$/.test(id)) throw badCursor();
  const after: DirectoryPlace = { value, id };
  return { ...looked, after };
};

/** Hashes that an identifier may stand for: as a visitor, as a user, and itself where it looks like one that the API shows. */
const hashesOf = (project: Project, search: string): string[] => [
  hashIdentifier(project, 'v', search),
  hashIdentifier(project, 'u', search),
  ...(/^[0-9a-f]{16}$/i.test(search) ? [search.toLowerCase()] : []),
];

const toVisitorDto = (row: DirectoryRow, traits: Traits | null): VisitorDto => ({
  id: row.id,
  isUser: row.isUser === 1,
  firstSeen: iso(row.firstMs),
  lastSeen: iso(row.lastMs),
  events: row.total,
  pageviews: row.views,
  sessions: row.visits,
  revenue: toMoney(row.money),
  ...toSurroundings(row.last),
  traits,
});
