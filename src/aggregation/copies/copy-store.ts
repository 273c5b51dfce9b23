// How do copies get into the warehouse, and are they still what the events say?
import { Injectable } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { copyIsSame, type CopyToWrite, sequencesAreSame, storeCopy, storeSequences } from './copies.queries';

/** TRICKY: events of an erased visitor must not be written after the copies that hold them were deleted, which is some 40 s after they were
 *  hidden: a statement ends before. */
const TIMEOUT_MS = 20 * SECOND_MS;

@Injectable()
export class CopyStore {
  constructor(private readonly clickhouse: ClickHouse) {}

  /** Stores a copy. Repeatable under another version. @throws storeUnavailable */
  async write(copy: CopyToWrite & { readonly sequences: boolean }): Promise<void> {
    for (const statement of [storeCopy(copy), ...(copy.sequences ? [storeSequences(copy)] : [])])
      await this.clickhouse.run(statement, {
        background: true,
        timeoutMs: TIMEOUT_MS,
        settings: { max_execution_time: TIMEOUT_MS / SECOND_MS },
      });
  }

  /** Whether a copy holds what a new one would. @throws storeUnavailable */
  async isRight(copy: CopyToWrite & { readonly sequences: boolean }): Promise<boolean> {
    const checks = [copyIsSame(copy), ...(copy.sequences ? [sequencesAreSame(copy)] : [])];
    for (const check of checks) {
      const [found] = await this.clickhouse.rows<{ same: number }>(check, { purpose: 'rollup', background: true });
      if (found?.same !== 1) return false;
    }
    return true;
  }
}
