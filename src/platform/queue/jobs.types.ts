// What is a job, for those who start one and those who ask about it?

/** Where a job is. `failed` is final: its retries are used up. */
export type JobState = 'queued' | 'running' | 'completed' | 'failed';

/** Long work that a client was answered 202 for. Times are milliseconds since the epoch, `progress` is 0..1. */
export interface JobRecord {
  readonly id: string;
  readonly projectId: string;
  readonly kind: string;
  readonly state: JobState;
  readonly progress: number;
  readonly error: string | null;
  /** What it found out, where it is of a kind that does. */
  readonly result: Readonly<Record<string, number>> | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}
