// Who uses the stores that a keeper keeps? Whoever holds a connection to its socket: it ends with its process, whatever ends that.
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Fatal } from './fatal';
import { hear, KEEPER_SOCKET, say, type FromKeeper, type ToKeeper } from './keeper-words';
import { socketPath } from './local-socket';

/** Counts who uses the stores, and tells them how it goes. */
export class KeeperDesk {
  readonly #users = new Set<Socket>();
  readonly #all = new Set<Socket>();
  #lingerMs: number;
  #idle: NodeJS.Timeout | undefined;
  #state: { ready: true } | { failed: string } | undefined;
  #onDeserted = (): void => undefined;
  /** Settles once nobody has used the stores for as long as they linger. */
  readonly deserted = new Promise<void>((resolve) => (this.#onDeserted = resolve));

  private constructor(
    private readonly server: Server,
    private readonly keeps: { readonly postgres: boolean; readonly clickhouse: boolean },
    lingerMs: number,
  ) {
    this.#lingerMs = lingerMs;
    server.on('connection', (socket) => this.#greet(socket));
    this.#count();
  }

  /** Opens the desk. Only for the holder of the folder's lock.
   *  @throws Fatal where the socket can't be made */
  static open(
    folder: string,
    keeps: { readonly postgres: boolean; readonly clickhouse: boolean },
    lingerMs: number,
  ): Promise<KeeperDesk> {
    const path = socketPath(folder, KEEPER_SOCKET);
    rmSync(path, { force: true });
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new Fatal(`Can't open ${path} (${error.code}).`, { cause: error })),
      );
      server.listen(path, () => resolve(new KeeperDesk(server, keeps, lingerMs)));
    });
  }

  /** The stores run. */
  ready(): void {
    this.#state = { ready: true };
    for (const user of this.#users) say(user, this.#state);
  }

  /** They don't, and won't. Whoever comes later is told too. */
  failed(reason: string): void {
    this.#state = { failed: reason };
    for (const user of this.#users) say(user, this.#state);
  }

  /** From now on the stores end as soon as nobody uses them. */
  hurry(): void {
    this.#lingerMs = 0;
    this.#count();
  }

  /** Takes nobody any more. */
  close(): void {
    clearTimeout(this.#idle);
    this.server.close();
    for (const socket of this.#all) socket.destroy();
  }

  #greet(socket: Socket): void {
    this.#all.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#all.delete(socket);
      if (this.#users.delete(socket)) this.#count();
    });
    say(socket, { keeper: process.pid });
    hear(socket, (words) => this.#answer(socket, words as ToKeeper));
  }

  #answer(socket: Socket, words: ToKeeper): void {
    if ('leave' in words) {
      say(socket, { leaving: this.#users.size === 0 });
      if (this.#users.size === 0) this.hurry();
      return;
    }
    const missing = (['postgres', 'clickhouse'] as const).find((store) => words.needs[store] && !this.keeps[store]);
    if (missing !== undefined) {
      const name = missing === 'postgres' ? 'DATABASE_URL' : 'CLICKHOUSE_URL';
      const failed = `The processes that share these stores have a ${name} of their own, and this one has none: give all the same.`;
      return say(socket, { failed } satisfies FromKeeper);
    }
    this.#users.add(socket);
    this.#count();
    if (this.#state !== undefined) say(socket, this.#state);
  }

  #count(): void {
    clearTimeout(this.#idle);
    if (this.#users.size === 0) this.#idle = setTimeout(() => this.#onDeserted(), this.#lingerMs);
  }
}
