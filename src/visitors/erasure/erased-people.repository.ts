// By which hashes is somebody known? However many they are: nobody is too much seen to be forgotten.
import { Injectable } from '@nestjs/common';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import type { Caller } from '../../platform/http/caller';
import { linkedTo, ownersOf } from '../people.queries';

const MOST_VISITORS = 1_000_000;

interface LinkRow {
  visitor: string;
  user: string;
}

@Injectable()
export class ErasedPeopleRepository {
  constructor(private readonly clickhouse: ClickHouse) {}

  /** The person that a hash stands for, first, and every visitor whose past is this person's. A visitor that was linked to somebody
   *  else before is that one's. 16 hexadecimal digits each. @throws storeUnavailable */
  async hashesOf(project: number, hash: string, caller: Caller): Promise<string[]> {
    const options = { purpose: 'visitors_links', project, ...caller };
    const [owner] = await this.clickhouse.rows<LinkRow>(ownersOf(project, [hash]), options);
    const id = owner?.user ?? hash;
    const links = await this.clickhouse.rows<LinkRow>(linkedTo(project, [id], MOST_VISITORS), options);
    return [...new Set([id, ...links.filter(({ user }) => user === id).map(({ visitor }) => visitor)])];
  }
}
