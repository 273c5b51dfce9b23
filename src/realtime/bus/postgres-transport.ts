// How do messages travel without Redis? As notifications of Postgres, heard on one connection that is there while anybody is watched.
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeUnavailable } from '../../common/problem';
import { type Postgres, poolOptions } from '../../platform/postgres/postgres';
import type { LiveMessage, LiveReceiver, LiveTransport } from './transport';

const CHANNEL = 'millrace_live_';
/** TRICKY: a connection can break without either end noticing; a listener never sends anything by itself, so it is asked. */
const PING_MS = 5_000;
const ANSWER_MS = 3_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

const channelOf = (project: number): string => `${CHANNEL}${Math.trunc(project)}`;

/** Notifications, one channel a project. */
export class PostgresTransport implements LiveTransport {
  /** Postgres takes less than 8,000 bytes. */
  readonly mostBytes = 7_900;
  readonly #projects = new Set<number>();
  #receiver: LiveReceiver | undefined;
  #client: Client | undefined;
  #connecting: Promise<Client> | undefined;
  #ping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly url: string,
    private readonly postgres: Postgres,
  ) {}

  receiveWith(receiver: LiveReceiver): void {
    this.#receiver = receiver;
  }

  async listen(project: number): Promise<void> {
    this.#projects.add(project);
    try {
      const client = this.#client ?? (await this.#connect());
      await client.query(`LISTEN ${channelOf(project)}`);
      if (client !== this.#client) throw new Error('the connection broke meanwhile');
    } catch (error) {
      this.#projects.delete(project);
      throw storeUnavailable({ detail: 'The database does not answer.', retryAfterSeconds: 2, cause: error });
    }
  }

  async unlisten(project: number): Promise<void> {
    if (!this.#projects.delete(project)) return;
    const client = this.#client;
    if (this.#projects.size === 0) await this.#disconnect();
    else await client?.query(`UNLISTEN ${channelOf(project)}`).catch(() => undefined);
  }

  async send(messages: readonly LiveMessage[]): Promise<void> {
    const notes = JSON.stringify(messages.map(({ project, payload }) => ({ channel: channelOf(project), payload })));
    await this.postgres.run((db) =>
      db.execute(sql`
        SELECT pg_notify(note.value ->> 'channel', note.value ->> 'payload')
        FROM json_array_elements(${notes}::json) WITH ORDINALITY AS note (value, place) ORDER BY place`),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#projects.clear();
    await this.#disconnect();
  }

  /** One attempt at a time, whoever asks. @returns a connection that listens to every project */
  #connect(): Promise<Client> {
    this.#connecting ??= this.#open().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #open(): Promise<Client> {
    const client = new Client({
      ...poolOptions(this.url),
      application_name: 'millrace-live',
      query_timeout: ANSWER_MS,
    });
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    client.on('notification', ({ channel, payload }) => {
      const project = Number(channel.slice(CHANNEL.length));
      if (payload !== undefined && this.#projects.has(project)) this.#receiver?.receive({ project, payload });
    });
    try {
      await client.connect();
      for (const project of this.#projects) await client.query(`LISTEN ${channelOf(project)}`);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    if (this.#closed) {
      await client.end();
      throw new Error('closed');
    }
    this.#client = client;
    this.#ping = setInterval(() => void client.query('SELECT 1').catch(() => this.#lose(client)), PING_MS).unref();
    return client;
  }

  #lose(client: Client): void {
    if (client !== this.#client) return;
    this.#forget();
    void client.end().catch(() => undefined);
    if (this.#closed || this.#projects.size === 0) return;
    this.#receiver?.lost();
    void this.#recover();
  }

  async #recover(): Promise<void> {
    for (
      let wait = FIRST_WAIT_MS;
      !this.#closed && this.#projects.size > 0;
      wait = Math.min(2 * wait, LONGEST_WAIT_MS)
    ) {
      try {
        if (this.#client === undefined) await this.#connect();
        this.#receiver?.recovered();
        return;
      } catch {
        await sleep(wait, undefined, { ref: false });
      }
    }
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#forget();
    await client?.end().catch(() => undefined);
  }

  #forget(): void {
    clearInterval(this.#ping);
    this.#client = undefined;
  }
}
