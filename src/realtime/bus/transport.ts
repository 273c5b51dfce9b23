// How do stored events get from the process that stored them to those that are watched? What every way of it can do.

/** Injection token of the way that this process goes: Redis where it is configured, else Postgres. */
export const LIVE_TRANSPORT = Symbol('LIVE_TRANSPORT');

/** A text for whoever listens to a project. */
export interface LiveMessage {
  readonly project: number;
  readonly payload: string;
}

/** Who is told what comes in. */
export interface LiveReceiver {
  /** A message of another process, or of this one. */
  receive(message: LiveMessage): void;
  /** The connection broke: what is sent from now on is not heard. */
  lost(): void;
  /** It stands again, for every project that was listened to. */
  recovered(): void;
}

/** Carries messages at most once: one that is sent while nobody listens, or while the store is away, is gone. */
export interface LiveTransport {
  /** Most bytes of a payload. */
  readonly mostBytes: number;
  /** Hands what comes in to `receiver`; called once, before anything else. */
  receiveWith(receiver: LiveReceiver): void;
  /** Listens to a project; every message that is sent after this returns is heard. @throws storeUnavailable */
  listen(project: number): Promise<void>;
  /** Stops listening. */
  unlisten(project: number): Promise<void>;
  /** Sends messages, in their order. @throws where it is not certain that they were sent */
  send(messages: readonly LiveMessage[]): Promise<void>;
  close(): Promise<void>;
}
