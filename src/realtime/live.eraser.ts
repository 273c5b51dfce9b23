// How does the live view forget visitors that are erased? What is kept for readers that come back, in this process and all others.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type GoneVisitors, type VisitorEraser, VisitorErasers } from '../events';
import { packGone } from './bus/live-message';
import { ThisProcess } from './bus/this-process';
import { LIVE_TRANSPORT, type LiveTransport } from './bus/transport';
import { LiveChannels } from './stream/live-channels';

/** Hashes in one message: 19 bytes each. */
const HASHES = 300;

@Injectable()
export class LiveEraser implements VisitorEraser, OnModuleInit {
  constructor(
    private readonly channels: LiveChannels,
    private readonly erasers: VisitorErasers,
    private readonly self: ThisProcess,
    @Inject(LIVE_TRANSPORT) private readonly transport: LiveTransport,
  ) {}

  onModuleInit(): void {
    this.erasers.add(this);
  }

  /** Takes events of visitors out of what is kept. A process that does not hear of it keeps them for 5 minutes at most.
   *  @throws where the others can't be told now */
  async eraseVisitors({ project: { number }, visitors }: GoneVisitors): Promise<void> {
    for (let from = 0; from < visitors.length; from += HASHES) {
      const some = visitors.slice(from, from + HASHES);
      const gone = { hashes: some.map(({ hash }) => hash), until: Math.max(...some.map(({ erasedAt }) => erasedAt)) };
      this.channels.forget(number, gone);
      await this.transport.send([{ project: number, payload: packGone(this.self.name, gone) }]);
    }
  }
}
