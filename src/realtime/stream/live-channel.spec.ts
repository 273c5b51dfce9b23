// Does a stream that ends while it catches up say how far it came, and are its figures right while the spool is emptied? Against a connection that takes nothing in.
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
    receivedAt: '2026-01-01T00:00:00.000Z',
    visitorId: '0',
    userId: null,
    title: 'x'.repeat(1_000),
  }) as LiveEvent;

const NOTHING = { until: 0, latestFrom: 0, visitors: [], seconds: [], latestIds: [] };

describe('a stream that catches up', () => {
  const channel = new LiveChannel(
    {
      snapshot: () => Promise.resolve({} as RealtimeDto),
      recent: () => Promise.resolve(NOTHING),
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

describe('figures of a stream, while what waited for the warehouse is stored', () => {
  const options = Object.assign(new RealtimeOptions(), {
    statsEveryMs: 20,
    refreshEveryMs: 60_000,
    catchUpEveryMs: 40,
  });
  const stored = { events: 0 };
  const asked: number[] = [];
  const channel = new LiveChannel(
    {
      snapshot: () => Promise.resolve({} as RealtimeDto),
      recent: () => {
        const until = Date.now();
        asked.push(until);
        const seconds = [{ second: Math.floor(until / 1_000) - 60, events: stored.events, pageviews: 0 }];
        return Promise.resolve({ until, latestFrom: until - 10_000, latestIds: [], visitors: [], seconds });
      },
    },
    options,
    new Clock(),
    new Metrics(),
    { bytes: 0 },
  );
  afterAll(() => channel.close());
  const figures = (reader: Reader): number[] =>
    [...reader.text.matchAll(/event: stats\ndata: (.*)$/gm)].map(
      ([, data = '{}']) => (JSON.parse(data) as { events30m: number }).events30m,
    );

  it('count each event once, and are whole before long', async () => {
    const reader = new Reader();
    const stream = streamTo(reader);
    await channel.serve(stream, {}, 0);
    stored.events = 100;
    await until(() => figures(reader).at(-1) === 100);
    const early = asked.length;
    // All of them had been read by then; each is told of only now.
    const at = new Date(Date.now() - 60_000).toISOString();
    const waited = Array.from({ length: 100 }, (_, n) => ({ ...eventOf(`w${n}`), timestamp: at, receivedAt: at }));
    channel.deliver(waited.slice(0, 50));
    stored.events = 150;
    channel.deliver(waited.slice(50));
    await until(() => figures(reader).at(-1) === 150);
    expect(Math.max(...figures(reader))).toBe(150);
    expect(asked.length).toBeGreaterThan(early);
    reader.destroy();
    channel.leave(stream);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; !holds() && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
}
