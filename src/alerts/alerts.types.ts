// What is an alert, and what becomes of its webhooks? A figure over a window, compared with a threshold, and somebody who is told.

/** How a figure is compared: with the threshold, or as a change from the window before, a fraction of that. */
export const CONDITIONS = ['above', 'below', 'increasesBy', 'decreasesBy'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** `unknown`: not checked since it was made, changed or enabled, or there was no figure to compare. */
export const ALERT_STATES = ['ok', 'firing', 'unknown'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** What a check asks, and how it judges. */
export interface AlertQuestion {
  readonly metric: string;
  /** The filter tree as it was sent. */
  readonly filters?: readonly unknown[];
  readonly windowSeconds: number;
  readonly condition: Condition;
  /** A value of the metric; for changes a fraction. */
  readonly threshold: number;
}

/** What an owner decides about an alert. */
export interface AlertDefinition extends AlertQuestion {
  readonly name: string;
  readonly url: string;
  readonly enabled: boolean;
}

/** An alert. Times are milliseconds. */
export interface Alert extends AlertDefinition {
  readonly id: string;
  readonly projectId: string;
  readonly state: AlertState;
  /** The state that its receiver knows of: only a change of this one is told. */
  readonly told: 'ok' | 'firing';
  /** Counts changes of what is asked: a check of an older question is worth nothing. */
  readonly revision: number;
  readonly lastCheckedAt: number | null;
  readonly lastValue: number | null;
  /** The secret follows from it, and from the project's own. */
  readonly secretSalt: Buffer;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Figures of a window; `previous` is that of the window before, where the condition asks for it. null: there is none, as the mean of nothing. */
export interface Reading {
  readonly value: number | null;
  readonly previous?: number | null;
}

export const MESSAGE_TYPES = ['alert.firing', 'alert.resolved', 'alert.test'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Why a try was none: a closed set, as what the network says may tell more than a caller should know. */
export const FAULTS = ['refused_address', 'unknown_host', 'unreachable', 'timed_out', 'redirect', 'status'] as const;
export type Fault = (typeof FAULTS)[number];

/** One try to deliver. */
export interface Attempt {
  readonly delivered: boolean;
  readonly fault: Fault | null;
  /** HTTP status, where there was an answer. */
  readonly status: number | null;
  /** The beginning of the answer's body. */
  readonly response: string | null;
  readonly durationMs: number;
}

/** A message on its way to a receiver, or past it. Times are milliseconds. */
export interface Delivery {
  readonly id: string;
  readonly projectId: string;
  readonly alertId: string;
  readonly type: MessageType;
  /** The JSON text that is signed and sent. */
  readonly body: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly lastAttemptAt: number | null;
  readonly lastFault: Fault | null;
  readonly lastStatus: number | null;
  readonly lastResponse: string | null;
  readonly createdAt: number;
  readonly deliveredAt: number | null;
}
