// What may other features use of derived figures? Readers ask what is derived, as of one moment.
export { AggregationModule } from './aggregation.module';
export type { Cell } from './cells';
export { ROLLUP_DIMENSIONS } from './rollup.queries';
export { RollupStore } from './rollup-store';
export { RollupSnapshots, type RollupSnapshot } from './snapshots';
