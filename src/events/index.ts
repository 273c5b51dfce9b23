// What may other features, and a team's own modules, use of events?
export {
  cellsAroundGone,
  ChangeLog,
  ChangeTimes,
  eventHorizons,
  MarkStale,
  QUARTER_MS,
  quarterOf,
  staleRanges,
  staleVisitors,
  VIEW_MS,
} from './changes';
export { EventsModule } from './events.module';
export { IngestSteps } from './ingest/ingest-steps';
export { filter, type IngestContext, type IngestStep, reject } from './pipeline';
