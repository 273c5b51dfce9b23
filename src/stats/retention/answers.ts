// What do all answers of this room have in common? What they are of, and how they were come by. Pure.
import { toMeta } from '../stats.result';
import type { Account } from '../stats.types';
import type * as dto from './retention.answers.dto';
import type { ActivityQuestion, Sampled } from './retention.types';

/** How an answer was come by, where it may be of a sample. */
export const accountOf = ({ sample, account }: Sampled, errors: () => Record<string, number>): Account => {
  if (sample === undefined) return account;
  const relativeError = errors();
  return { ...account, approximate: Object.keys(relativeError), sampleFraction: 1 / sample, relativeError };
};

/** What figures are of. */
export const metaOf = (question: ActivityQuestion, account: Account): dto.RetentionMetaDto => {
  const { interval: _, ...meta } = toMeta(question.range, question.timezone, undefined, account);
  return { ...meta, interval: question.length };
};

/** Rows by what something says of them, in their order. */
export const groupBy = <T, K>(rows: readonly T[], of: (row: T) => K): Map<K, T[]> => {
  const groups = new Map<K, T[]>();
  for (const row of rows) {
    const key = of(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
};
