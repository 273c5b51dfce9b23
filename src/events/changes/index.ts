// What may the rest of the house use to say, or hear, that events changed?
export { cellsAroundGone, quarterOf } from './cells';
export { ChangeLog, type Ticket } from './change-log';
export { ChangeTimes } from './change-times';
export { ChangesModule } from './changes.module';
export { decimals } from './changes.queries';
export type { ProjectVisitor } from './changes.repository';
export { eventHorizons, staleRanges, staleVisitors } from './changes.schema';
export { MarkStale } from './mark-stale';
export { milliseconds, timestamptz } from './timestamptz';
