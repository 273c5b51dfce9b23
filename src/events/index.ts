// What may other features, and a team's own modules, use of events?
export {
  cellsAroundGone,
  ChangeLog,
  ChangeTimes,
  eventHorizons,
  MarkStale,
  quarterOf,
  staleRanges,
  staleVisitors,
} from './changes';
export { ErasedVisitors } from './erasure/erased-visitors';
export { erasureMark } from './erasure/erasure-mark';
export { ErasureTimes } from './erasure/erasure-times';
export { type GoneVisitors, type HiddenVisitors, type VisitorEraser, VisitorErasers } from './erasure/visitor-erasers';
export { EventsModule } from './events.module';
export { IngestSteps } from './ingest/ingest-steps';
export { type StoredBatch, StoredEvents } from './ingest/stored-events';
export { VisitorLinker } from './ingest/visitor-linker';
export { type ErasedHash, VisitorRows } from './ingest/visitor-rows';
export { filter, type IngestContext, type IngestStep, reject } from './pipeline';
export { EventDto, EventRevenueDto, EventUtmDto } from './read/event.dto';
export type { EventOrder } from './read/events-list.queries';
export { EventListDto } from './read/events-read.dto';
export { EventsReadRepository } from './read/events-read.repository';
export { toPlace as toEventPlace } from './read/events-read.service';
export type { EventRead } from './read/selection';
export { hexOf, type StoredEventRow, toEventDto } from './read/stored-event';
