// How far is a project derived? For operators.
import { Injectable } from '@nestjs/common';
import type { Project } from '../projects';
import { AggregationOptions } from './aggregation.options';
import { AggregationRepository, type AggregationStatus } from './aggregation.repository';

@Injectable()
export class AggregationService {
  constructor(
    private readonly repository: AggregationRepository,
    private readonly options: AggregationOptions,
  ) {}

  /** The state of a project in numbers; undefined where it was deleted meanwhile. @throws storeUnavailable */
  status(project: Project): Promise<AggregationStatus | undefined> {
    return this.repository.status(project.number, this.options.graceMs);
  }
}
