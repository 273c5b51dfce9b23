// May this server take traffic? For readiness, and for whatever has to end before the server can.
import { Injectable } from '@nestjs/common';

export type LifecycleState = 'starting' | 'ready' | 'draining';

/** The server's way through its life, told to whoever needs it. */
@Injectable()
export class Lifecycle {
  #state: LifecycleState = 'starting';
  readonly #callbacks = new Set<() => void | Promise<void>>();

  get state(): LifecycleState {
    return this.#state;
  }

  /** The server listens. */
  ready(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  /** No longer ready, from this moment; requests are still served. */
  drain(): void {
    this.#state = 'draining';
  }

  /** Registers what ends an open stream, or gives up waiting, once no more requests are taken. @returns undoes it */
  onDrain(callback: () => void | Promise<void>): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  /** Runs what was registered; one that fails keeps no other from running. */
  async endStreams(): Promise<void> {
    await Promise.allSettled([...this.#callbacks].map(async (callback) => callback()));
  }
}
