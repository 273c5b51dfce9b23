// Who is meant by a hash? Looked up in the links of the warehouse, for every route that is about somebody.
import { Injectable } from '@nestjs/common';
import { queryTooLarge } from '../common/problem';
import type { RunQuery } from '../events/query';
import { linkedTo, ownersOf, type Person, seenAs } from './people.queries';

/** More visitors than this in one question are not listed one by one. */
export const MOST_LISTED = 3_000;

interface LinkRow {
  visitor: string;
  user: string;
}

@Injectable()
export class PeopleRepository {
  /** The person that a hash stands for: of a visitor that was linked, its user.
   *  @throws storeUnavailable; queryTooLarge for a user with more than MOST_LISTED visitors */
  async find(run: RunQuery, project: number, hash: string): Promise<Person> {
    const [id = hash] = await this.idsOf(run, project, [hash]);
    const links = await run<LinkRow>(linkedTo(project, [id], MOST_LISTED + 1));
    if (links.length > MOST_LISTED)
      throw queryTooLarge({ detail: `The user has more than ${MOST_LISTED.toLocaleString('en-US')} visitors.` });
    return {
      id,
      visitors: links.map(({ visitor }) => visitor),
      own: links.filter(({ user }) => user === id).map(({ visitor }) => visitor),
    };
  }

  /** The ids of the persons that these hashes stand for, each once. */
  async idsOf(run: RunQuery, project: number, hashes: readonly string[]): Promise<string[]> {
    const owners = await run<LinkRow>(ownersOf(project, hashes));
    const owned = new Map(owners.map(({ visitor, user }) => [visitor, user]));
    return [...new Set(hashes.map((hash) => owned.get(hash) ?? hash))];
  }

  /** Every visitor to read for these persons, themselves included; undefined: too many to list. */
  async visitorsOf(run: RunQuery, project: number, ids: readonly string[]): Promise<readonly string[] | undefined> {
    const seen = await run<{ visitor: string }>(seenAs(project, ids, MOST_LISTED + 1));
    if (seen.length > MOST_LISTED) return undefined;
    return [...new Set([...ids, ...seen.map(({ visitor }) => visitor)])];
  }
}
