// When are the events of a sample's visitors copied? A chore takes cells without a copy: new ones, those that were derived again, and all of
// an older version's. Until then, and where it is cut short, the events themselves are read.
import { Injectable } from '@nestjs/common';
import { AggregationOptions } from '../aggregation.options';
import { CopiesRepository } from './copies.repository';
import { CopyStore } from './copy-store';

/** Cells of one look: others may be derived again meanwhile. */
const TOGETHER = 20;

@Injectable()
export class Copier {
  constructor(
    private readonly copies: CopiesRepository,
    private readonly store: CopyStore,
    private readonly options: AggregationOptions,
  ) {}

  /** Copies cells until there are none without, or its turn is over.
   *  @returns how many */
  async run(): Promise<number> {
    const { copyOf, fewestCopied, mostSequenced, choreTurnMs, onStep } = this.options;
    const end = performance.now() + choreTurnMs;
    let done = 0;
    while (performance.now() < end) {
      const cells = await this.copies.next({ fewest: fewestCopied, mostSequenced }, TOGETHER);
      for (const cell of cells) {
        const version = await this.copies.version();
        const sequences = cell.events <= mostSequenced;
        await this.store.write({ project: cell.project, range: cell, version, of: copyOf, sequences });
        await onStep('written', cell.project);
        // Where the cell is another one by now the rows are litter.
        if (await this.copies.point(cell, { version, of: copyOf, sequences })) done += 1;
      }
      if (cells.length < TOGETHER) break;
    }
    return done;
  }
}
