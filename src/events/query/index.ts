// What may other features use to ask about events? Dimensions, filters, and the rows to ask.
export { bothNeed, type Dimension, DIMENSIONS, findDimension, GOAL, type Needs, PLAIN } from './dimensions';
export {
  allOf,
  type Filter,
  type FilterRules,
  filterSql,
  needsOfFilter,
  parseFilter,
  parseFilterText,
  toJson,
} from './filters';
export { COPIED, type Copies, copyColumns, ofLowest, type Sample, sampleTable } from './sample';
export { dimensionsOf, isToldBySequences, sequenceParts, type SequenceParts, type Sequences } from './sequences';
export { findRelated, findSessionScan, hasNamed, isSmall, type RunQuery } from './session-scan';
export {
  during,
  type EventScope,
  eventSource,
  firstLinks,
  identified,
  moment,
  NAMED_GAP_MS,
  relatedVisitors,
  SESSION_GAP_MS,
  sessionEvents,
  sessionGap,
  type SessionScan,
  sessionSource,
  STORABLE,
  storable,
  stretchesOf,
  visitorList,
  within,
} from './source';
export { type Target, targetFilter } from './targets';
