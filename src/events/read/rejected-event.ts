// What does a refused event look like to a reader? Pure.
import type { JsonValue } from './event.dto';
import type { RejectedErrorDto, RejectedEventDto } from './events-read.dto';
import type { RejectedRow } from './events-read.repository';

/** JSON as a value; the text itself where it was cut, and so can't be read. */
const valueOf = (json: string): JsonValue => {
  try {
    return JSON.parse(json) as JsonValue;
  } catch {
    return json;
  }
};

/** A row as the refusal that readers get. Errors that were cut are left out: the code still says why. */
export const toRejectedEventDto = (row: RejectedRow): RejectedEventDto => {
  const errors = valueOf(row.errors);
  return {
    id: row.rejectId,
    receivedAt: new Date(row.receivedMs).toISOString(),
    eventId: row.eventId === '' ? null : row.eventId,
    name: row.name === '' ? null : row.name,
    code: row.code,
    errors: Array.isArray(errors) ? (errors as unknown as RejectedErrorDto[]) : [],
    payload: valueOf(row.payload),
  };
};
