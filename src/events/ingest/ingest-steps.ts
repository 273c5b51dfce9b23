// Which rules does an event pass? The house's, and those that a team's own module adds.
import { Injectable } from '@nestjs/common';
import { type IngestStep, ingestSteps } from '../pipeline';

/** The pipeline as this server runs it. A module adds a step with `steps.append(myStep)` when it starts. */
@Injectable()
export class IngestSteps {
  #all: readonly IngestStep[] = ingestSteps;

  /** Every step, in order. */
  get all(): readonly IngestStep[] {
    return this.#all;
  }

  /** Adds a step after all others. It runs for every event of every project, so it has to be pure and quick. */
  append(step: IngestStep): void {
    this.#all = [...this.#all, step];
  }
}
