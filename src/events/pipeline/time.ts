// When did an event happen? Own time, id's time or arrival, the sender's clock error, and what lies outside of time.
import { timeOfId } from '../../common/ids';
import { EARLIEST_MS, LATEST_MS, toEpochMs } from './formats';
import { flagBits } from './event-row';
import type { EventDraft, IngestStep } from './ingest.types';
import { reject, warning } from './outcomes';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const setByServer = (draft: EventDraft, time: number): void => {
  draft.row.ts = time;
  draft.row.flags |= flagBits.serverTime;
  draft.keyStable = false;
};

/** Takes the event's own time, else the time in its version 7 id, else the time of arrival. */
export const takeTime: IngestStep = (draft, { receivedAt }) => {
  const { id, timestamp } = draft.input;
  if (timestamp !== undefined) {
    draft.row.ts = toEpochMs(timestamp);
    return undefined;
  }
  const idTime = id === undefined ? undefined : timeOfId(id);
  if (idTime !== undefined && idTime >= EARLIEST_MS && idTime <= LATEST_MS) draft.row.ts = idTime;
  else setByServer(draft, receivedAt);
  return undefined;
};

/** Moves the event's own time by the sender's clock error, where that exceeds a minute. Times that the sender did not read from
 *  that clock (an id's, the server's) stay.
 *  TRICKY: a retry may get another correction, so the id, not the time, decides whether it is new. */
export const correctClock: IngestStep = (draft, { receivedAt, sentAt }) => {
  if (sentAt === undefined || draft.input.timestamp === undefined) return undefined;
  const errorMs = receivedAt - sentAt;
  if (Math.abs(errorMs) > MINUTE_MS) setByServer(draft, draft.row.ts + errorMs);
  return undefined;
};

/** Takes the time of arrival where the event's lies more than an hour ahead of it. */
export const limitFuture: IngestStep = (draft, { receivedAt }) => {
  if (draft.row.ts <= receivedAt + HOUR_MS) return undefined;
  setByServer(draft, receivedAt);
  draft.warnings.push(warning('timestamp_in_future', draft.input.timestamp === undefined ? 'id' : 'timestamp'));
  return undefined;
};

/** Refuses what is older than the project keeps. */
export const keepRetention: IngestStep = (draft, { retainedFrom }) =>
  draft.row.ts < retainedFrom || draft.row.ts < EARLIEST_MS
    ? reject('timestamp_before_retention', draft.input.timestamp === undefined ? 'id' : 'timestamp')
    : undefined;

const pad2 = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));
const pad3 = Array.from({ length: 1_000 }, (_, value) => String(value).padStart(3, '0'));
const DAY_MS = 86_400_000;
let days = new Map<number, string>();

/** The UTC day of a time, `YYYY-MM-DD`. Days repeat, so a few hundred of them are remembered. */
export const utcDay = (time: number): string => {
  const number = Math.floor(time / DAY_MS);
  let text = days.get(number);
  if (text === undefined) {
    text = new Date(number * DAY_MS).toISOString().slice(0, 10);
    if (days.size > 1_000) days = new Map();
    days.set(number, text);
  }
  return text;
};

/** A time as ClickHouse reads a DateTime64(3, 'UTC'): `YYYY-MM-DD hh:mm:ss.mmm`. */
export const toClickHouseTime = (time: number): string => {
  const rest = time - Math.floor(time / DAY_MS) * DAY_MS;
  const seconds = Math.floor(rest / 1_000);
  const minutes = Math.floor(seconds / 60);
  return `${utcDay(time)} ${pad2[Math.floor(minutes / 60)]!}:${pad2[minutes % 60]!}:${pad2[seconds % 60]!}.${pad3[rest % 1_000]!}`;
};
