// May another stream be opened? How many there are of a key, of a project and of this process.
import { Injectable } from '@nestjs/common';
import { RealtimeOptions } from '../realtime.options';
import { tooManyStreams } from '../realtime.errors';

const RETRY_AFTER_S = 10;

@Injectable()
export class StreamPlaces {
  readonly #counts = new Map<string, number>();

  constructor(private readonly options: RealtimeOptions) {}

  /** Takes a place. @returns gives it back, once @throws tooManyStreams */
  take(keyId: string, projectId: string): () => void {
    const { streamsPerKey, streamsPerProject, streamsPerProcess } = this.options;
    const limits: [key: string, limit: number, of: string][] = [
      [`key ${projectId} ${keyId}`, streamsPerKey, 'with this key'],
      [`project ${projectId}`, streamsPerProject, 'of this project'],
      ['process', streamsPerProcess, 'on this server'],
    ];
    for (const [key, limit, of] of limits)
      if (this.#count(key) >= limit)
        throw tooManyStreams({ detail: `${limit} streams are open ${of}.`, retryAfterSeconds: RETRY_AFTER_S });
    for (const [key] of limits) this.#counts.set(key, this.#count(key) + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      for (const [key] of limits) {
        const left = this.#count(key) - 1;
        if (left > 0) this.#counts.set(key, left);
        else this.#counts.delete(key);
      }
    };
  }

  #count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }
}
