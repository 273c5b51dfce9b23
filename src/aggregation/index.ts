// What may other features use of derived figures? Readers ask what is derived, as of one moment.
export { AggregationModule } from './aggregation.module';
export { type Cell, skips } from './cells';
export { findExtent } from './extent';
export { ROLLUP_DIMENSIONS } from './rollup.queries';
export { type RollingDay, RollupSnapshots, type RollupSnapshot } from './snapshots';
