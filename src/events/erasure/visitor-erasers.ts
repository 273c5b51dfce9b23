// Who else holds something of a visitor, and how is it erased? Each feature says so here.
import { Injectable } from '@nestjs/common';
import type { TimeRange } from '../../common/time-range';

/** Visitors whose events nobody finds any more. */
export interface GoneVisitors {
  readonly project: { readonly id: string; readonly number: number };
  /** 16 hexadecimal digits each, and up to when it was erased, milliseconds. */
  readonly visitors: readonly { readonly hash: string; readonly erasedAt: number }[];
  /** From where events were taken, with room for the sessions that they were in. */
  readonly touched: readonly TimeRange[];
}

/** The same when whoever asked before they were hidden has been answered. */
export interface HiddenVisitors extends GoneVisitors {
  /** Derived rows of later versions were worked out without them. */
  readonly derivedUpTo: number;
}

/** Erases what one store holds of visitors. Each can be called again after it failed half-way. */
export interface VisitorEraser {
  /** Within seconds: nothing that is held of them is used any more. */
  eraseVisitors(gone: GoneVisitors): Promise<void>;
  /** Takes off the disk what was only left unused, of many projects at once. */
  purgeVisitors?(hidden: readonly HiddenVisitors[]): Promise<void>;
}

/** The erasers of all features; every process registers the same ones, as any worker may do the work. */
@Injectable()
export class VisitorErasers {
  readonly #erasers: VisitorEraser[] = [];

  /** Registers one, when its module starts. */
  add(eraser: VisitorEraser): void {
    this.#erasers.push(eraser);
  }

  /** All of them, in the order in which they were added. */
  all(): readonly VisitorEraser[] {
    return this.#erasers;
  }
}
