// What may the rest of the events room, and a team's own module, use of the pipeline?
export { channels } from './channel';
export type { Channel } from './channel';
export { fieldCodes } from './compile-schema';
export type { FieldCode } from './compile-schema';
export { encodeRow, eventColumns } from './encode';
export { formats, parseInstant, toAddress, toEpochMs } from './formats';
export { hashIdentifier, hexToUInt64, uint64ToHex } from './identity';
export type { IdentifierKind } from './identity';
export { flagBits } from './event-row';
export type { EventRow } from './event-row';
export type { EventDraft, GeoRecord, IngestContext, IngestStep } from './ingest.types';
export { filter, filterReasons, reject, rejectCodes, warning, warningCodes } from './outcomes';
export type {
  AcceptedEvent,
  FilteredEvent,
  FilterReason,
  Outcome,
  RejectCode,
  RejectedEvent,
  Warning,
  WarningCode,
} from './outcomes';
export { ingestEvent, ingestSteps, runPipeline, sampling } from './pipeline';
export type { PipelineObserver, StepResult } from './pipeline';
export { toClickHouseTime, utcDay } from './time';
export { devices } from './user-agent';
export type { Device } from './user-agent';
