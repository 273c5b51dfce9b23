// What may other features use to ask about events? Dimensions, filters, and the rows to ask.
export { bothNeed, type Dimension, DIMENSIONS, findDimension, type Needs, PLAIN } from './dimensions';
export { allOf, type Filter, filterSql, needsOfFilter, parseFilter, parseFilterText, toJson } from './filters';
export { findSessionScan } from './session-scan';
export { during, eventSource, type SessionScan, STORABLE, within } from './source';
