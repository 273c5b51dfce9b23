// How is a session named in a URL? By whose it is, the id that the client gave it, and a moment of it: nothing has to be stored. Pure.
import { STORABLE } from '../events/query';

/** What an id says. Hashes are 16 hexadecimal digits. */
export interface SessionName {
  readonly visitor: string;
  /** Of the client's own id; zeros where it gave none. */
  readonly session: string;
  /** When it began as the id was made, milliseconds. A late event may have moved its beginning since, a link its owner. */
  readonly beganMs: number;
}

/** The hash of no id. */
export const NO_SESSION = '0000000000000000';

/** What an id looks like. */
export const SESSION_ID = /^[0-9a-f]{16}-[0-9a-f]{16}-(0|[1-9a-z][0-9a-z]{0,8})$/;

/** Writes an id. */
export const encodeSessionId = ({ visitor, session, beganMs }: SessionName): string =>
  `${visitor}-${session}-${beganMs.toString(36)}`;

/** Reads an id of the form `SESSION_ID`; undefined where no session could begin then. */
export const decodeSessionId = (id: string): SessionName | undefined => {
  const [visitor = '', session = '', moment = ''] = id.split('-');
  const beganMs = Number.parseInt(moment, 36);
  return beganMs >= STORABLE.from && beganMs < STORABLE.to ? { visitor, session, beganMs } : undefined;
};
