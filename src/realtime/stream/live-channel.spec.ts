// Does a stream that ends while it catches up say how far it came? Against a connection that takes nothing in.
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Clock } from '../../common/clock';
import { Metrics } from '../../platform/metrics/metrics';
import type { LiveEvent } from '../event/live-event';
import type { RealtimeDto } from '../realtime.dto';
import { RealtimeOptions } from '../realtime.options';
import { LiveChannel } from './live-channel';
import { OpenStream } from './open-stream';

/** A connection whose reader reads when it is told to. */
class Reader extends EventEmitter {
  text = '';
  writableEnded = false;
  destroyed = false;
  writableLength = 0;

  write(bytes: Buffer | string): boolean {
    this.text += bytes.toString();
    return false;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  get lastId(): string | undefined {
    return [...this.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
  }
}

const streamTo = (reader: Reader): OpenStream =>
  new OpenStream(
    reader as unknown as ServerResponse,
    { keyId: 'k', projectId: 'p', mark: 'm' },
    1_000_000,
    () => undefined,
  );

const eventOf = (id: string): LiveEvent =>
  ({
    id,
    name: 'a',
    timestamp: '2026-01-01T00:00:00.000Z',
    visitorId: '0',
    userId: null,
    title: 'x'.repeat(1_000),
  }) as LiveEvent;

describe('a stream that catches up', () => {
  const channel = new LiveChannel(
    {
      snapshot: () => Promise.resolve({} as RealtimeDto),
      recent: () => Promise.resolve({ visitors: [], seconds: [], latestIds: [] }),
    },
    new RealtimeOptions(),
    new Clock(),
    new Metrics(),
    { bytes: 0 },
  );
  afterAll(() => channel.close());

  it('ends with the id of the last message that it was given, so that its reader goes on there', async () => {
    channel.deliver(Array.from({ length: 1_000 }, (_, at) => eventOf(`${at}`)));
    const reader = new Reader();
    const stream = streamTo(reader);
    const serving = channel.serve(stream, {}, 0);
    for (let slice = 0; slice < 3; slice += 1) {
      expect(channel.lastIdOf(stream)).toBe(reader.lastId);
      expect(reader.lastId).not.toBe(channel.idOf(1_000));
      reader.emit('drain');
      await new Promise((resolve) => setImmediate(resolve));
    }
    reader.destroy();
    await serving;
    channel.leave(stream);
  });
});
