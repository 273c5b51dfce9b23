// How does a stream live? A place, a channel, its beginning, its end: the reader leaves, the key is gone, the server stops.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestKey } from '../../auth';
import { Clock } from '../../common/clock';
import { storeUnavailable } from '../../common/problem';
import { Lifecycle } from '../../platform/http/lifecycle';
import { Metrics } from '../../platform/metrics/metrics';
import type { Project } from '../../projects/projects.types';
import type { ByeReason } from '../realtime.dto';
import { RealtimeOptions } from '../realtime.options';
import { StreamKeysRepository } from '../tickets/stream-keys.repository';
import { DroppedReaders } from './dropped-readers';
import type { LiveChannel } from './live-channel';
import { LiveChannels } from './live-channels';
import { OpenStream } from './open-stream';
import { StreamPlaces } from './stream-places';
import { frame, type ViewChoice, viewKey } from './view';

/** What a stream is opened with. */
export interface StreamRequest {
  readonly project: Project;
  readonly key: RequestKey;
  readonly choice: ViewChoice;
  /** Undefined: the reader has seen nothing. */
  readonly lastEventId?: string;
}

const RETRY_MS = 2_000;
const ROOT = 'root';

@Injectable()
export class StreamsService implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(StreamsService.name);
  readonly #open = new Map<OpenStream, LiveChannel>();
  readonly #dropped: DroppedReaders;
  #checking: NodeJS.Timeout | undefined;
  #ending = false;

  constructor(
    private readonly channels: LiveChannels,
    private readonly places: StreamPlaces,
    private readonly keys: StreamKeysRepository,
    private readonly options: RealtimeOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly lifecycle: Lifecycle,
  ) {
    this.#dropped = new DroppedReaders(options.keptMs);
  }

  onModuleInit(): void {
    this.lifecycle.onDrain(() => this.endAll());
    this.#checking = setInterval(() => void this.checkKeys(), this.options.keysEveryMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#checking);
    this.endAll();
  }

  /** Answers a request with a stream. Before its first byte it can still be refused.
   *  @throws tooManyStreams, storeUnavailable, queryTooLarge */
  async open(asked: StreamRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { project, key, choice } = asked;
    const leave = this.places.take(key.id, project.id);
    const { raw } = reply;
    try {
      const channel = await this.channels.join(project.number);
      const mark = `${project.id} ${key.id} ${request.ip} ${viewKey(choice)}`;
      const beginning = await this.#beginning(channel, mark, asked.lastEventId);
      if (this.#ending) throw storeUnavailable({ detail: 'The server is stopping.', retryAfterSeconds: 1 });
      if (raw.destroyed) return this.#gone(project, leave);
      const stream = new OpenStream(
        raw,
        { keyId: key.id, projectId: project.id, mark },
        this.options.unreadBytes,
        (late) => this.#drop(late),
      );
      this.#begin(reply, beginning.text);
      if (request.method === 'HEAD') raw.end();
      this.#open.set(stream, channel);
      this.metrics.liveStreams.inc();
      const serving = channel.serve(stream, choice, beginning.place);
      raw.once('close', () => {
        this.#open.delete(stream);
        this.metrics.liveStreams.dec();
        channel.leave(stream);
        this.#gone(project, leave);
      });
      serving.catch(() => raw.destroy());
    } catch (error) {
      this.#gone(project, leave);
      throw error;
    }
  }

  /** Ends the streams whose keys or projects are gone. Where nobody can say, streams go on: they are worth more than the delay. */
  async checkKeys(): Promise<void> {
    if (this.#open.size === 0) return;
    const readers = [...this.#open.keys()].map(({ reader }) => reader);
    const of = (choose: (reader: OpenStream['reader']) => string): string[] => [...new Set(readers.map(choose))];
    try {
      const [keys, projects] = await Promise.all([
        this.keys.working(of(({ keyId }) => keyId).filter((id) => id !== ROOT)),
        this.keys.existing(of(({ projectId }) => projectId)),
      ]);
      for (const [stream, channel] of this.#open) {
        const { keyId, projectId } = stream.reader;
        if (!projects.has(projectId) || (keyId !== ROOT && !keys.has(keyId))) this.#end(stream, channel, 'key_revoked');
      }
    } catch {
      this.#logger.debug('whether keys of open streams still work could not be read');
    }
  }

  /** Says good-bye on every stream. */
  endAll(): void {
    this.#ending = true;
    for (const [stream, channel] of this.#open) this.#end(stream, channel, 'shutdown');
  }

  #end(stream: OpenStream, channel: LiveChannel, reason: ByeReason): void {
    stream.end(frame(channel.lastIdOf(stream), 'bye', JSON.stringify({ reason })));
  }

  #gone({ number }: Project, leave: () => void): void {
    leave();
    this.channels.left(number);
  }

  #drop(stream: OpenStream): void {
    this.metrics.liveDropped.inc({ reason: 'slow_reader' });
    this.#dropped.note(stream.reader.mark, { at: this.clock.now(), unreadBytes: stream.droppedAt ?? 0 });
  }

  /** What a reader gets first, and the number from which on it gets the rest. */
  async #beginning(
    channel: LiveChannel,
    mark: string,
    lastEventId: string | undefined,
  ): Promise<{ text: string; place: number }> {
    const hello = `retry: ${RETRY_MS}\n\n`;
    const place = lastEventId === undefined ? undefined : channel.placeOf(lastEventId);
    if (lastEventId === undefined) {
      const { after, json } = await channel.snapshot();
      return { text: hello + frame(channel.idOf(after), 'snapshot', json), place: after };
    }
    const { at, unreadBytes } = this.#dropped.take(mark, this.clock.now()) ?? {};
    const why =
      at === undefined
        ? undefined
        : JSON.stringify({ reason: 'slow_reader', at: new Date(at).toISOString(), unreadBytes });
    const dropped = (id: string): string => (why === undefined ? '' : frame(id, 'dropped', why));
    if (place !== undefined) return { text: hello + dropped(channel.idOf(place)), place };
    const { after, json } = await channel.snapshot();
    const id = channel.idOf(after);
    const gap = frame(id, 'gap', JSON.stringify({ reason: 'expired' }));
    return { text: hello + dropped(id) + gap + frame(id, 'snapshot', json), place: after };
  }

  #begin(reply: FastifyReply, text: string): void {
    reply.header('content-type', 'text/event-stream; charset=utf-8');
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      // When the stream ends the connection does, so that a stopping server need not wait for it.
      connection: 'close',
    });
    reply.raw.socket?.setNoDelay(true);
    reply.raw.write(text);
  }
}
