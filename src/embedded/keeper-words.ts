// What do a keeper of shared stores and a process that uses them say to each other? Lines of JSON over a socket of the data directory.
import type { Socket } from 'node:net';

/** Name of the keeper's socket in the data directory. */
export const KEEPER_SOCKET = 'stores';

/** What a process says, once. */
export type ToKeeper =
  /** I use these stores until this connection ends. */
  | { readonly needs: { readonly postgres: boolean; readonly clickhouse: boolean } }
  /** End, if nobody uses the stores. */
  | { readonly leave: true };

/** What a keeper says: first who it is, then how it went. */
export type FromKeeper =
  | { readonly keeper: number }
  /** The stores run; the file says where. */
  | { readonly ready: true }
  /** They don't, and won't. */
  | { readonly failed: string }
  | { readonly leaving: boolean };

/** What a keeper is told as it is started, as its one argument. No secret is in it. */
export interface KeeperOrder {
  /** Absolute path of the data directory. */
  readonly folder: string;
  readonly postgres: boolean;
  readonly clickhouse: boolean;
  readonly clickhouseMemoryMb: number;
  readonly logLevel: string;
  /** How long the stores go on with nobody to use them. */
  readonly lingerMs: number;
}

/** Exit code of a keeper that found another one. */
export const NOT_NEEDED_EXIT_CODE = 3;

/** Says something. */
export const say = (socket: Socket, words: ToKeeper | FromKeeper): void => {
  if (socket.writable) socket.write(`${JSON.stringify(words)}\n`);
};

/** Hears what is said, one line at a time; what is no JSON is not heard. */
export function hear(socket: Socket, each: (words: unknown) => void): void {
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      try {
        each(JSON.parse(line));
      } catch {
        socket.destroy();
      }
    }
  });
}
