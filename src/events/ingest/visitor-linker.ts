// How is a visitor linked to a user without an event that says so? As by an event that has both: in the same table, told to whoever derives.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { newId } from '../../common/ids';
import { storeUnavailable } from '../../common/problem';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault } from '../../platform/clickhouse/faults';
import type { Project } from '../../projects/projects.types';
import { ChangeLog } from '../changes';
import { hexToUInt64 } from '../pipeline';
import { LinkStore } from './link-store';

const LOOKUP_TIMEOUT_MS = 5_000;
const RETRY_AFTER_S = 5;

@Injectable()
export class VisitorLinker {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly links: LinkStore,
    private readonly changes: ChangeLog,
    private readonly clock: Clock,
  ) {}

  /** Links a visitor to a user from now on; the first user of a visitor holds for its past too. Repeatable.
   *  @param visitor and `user`: 16 hexadecimal digits
   *  @throws storeUnavailable; whether the link is stored is then not known */
  async link({ number }: Pick<Project, 'number'>, visitor: string, user: string): Promise<void> {
    const entry = {
      project: number,
      id: newId(),
      idGiven: false,
      keyStable: false,
      at: this.clock.now(),
      visitor: hexToUInt64(visitor),
      user: hexToUInt64(user),
      line: '',
    };
    try {
      // No event: there is nothing that could be late, and what is derived is told of the visitor in any case.
      const ticket = await this.changes.before([]);
      await this.links.store({ id: entry.id, entries: [entry], rejects: [] }, ticket, (query) =>
        this.clickhouse.rows(query, { purpose: 'link', urgent: true, timeoutMs: LOOKUP_TIMEOUT_MS }),
      );
      await this.changes.after(ticket);
    } catch (error) {
      throw error instanceof ClickHouseFault
        ? storeUnavailable({ retryAfterSeconds: RETRY_AFTER_S, cause: error })
        : error;
    }
  }
}
