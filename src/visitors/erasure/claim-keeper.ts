// How does nobody else take up what is being worked on, and how soon does somebody where the worker died?
import { Injectable, Logger } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { ErasuresRepository } from './erasures.repository';

/** A claim is held for so long, and said again a few times before that is over. */
export const HELD_MS = 60 * SECOND_MS;
const HOLD_EVERY_MS = 15 * SECOND_MS;

@Injectable()
export class ClaimKeeper {
  readonly #logger = new Logger(ClaimKeeper.name);

  constructor(private readonly erasures: ErasuresRepository) {}

  /** Holds a claim while the work goes on. Where that fails others may have it at once. @throws what the work throws */
  async during(claimed: { readonly claim: string }, work: () => Promise<void>): Promise<void> {
    const hold = setInterval(() => void this.#hold(claimed), HOLD_EVERY_MS);
    try {
      await work();
    } catch (error) {
      clearInterval(hold);
      await this.erasures.hold(claimed, 0).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(hold);
    }
  }

  async #hold(claimed: { readonly claim: string }): Promise<void> {
    await this.erasures
      .hold(claimed, HELD_MS)
      .catch(() => this.#logger.warn('an erasure could not say that it goes on'));
  }
}
