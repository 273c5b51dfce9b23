// What time is it? Injected wherever time matters, so that a test can choose.
import { Injectable } from '@nestjs/common';

/** The wall clock. */
@Injectable()
export class Clock {
  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now();
  }
}
