// What is a project, for every feature that works for one?

/** What a project decides for itself; each has a default, see the DTO. */
export interface ProjectSettings {
  /** Days that events are kept; null keeps them for good. */
  retentionDays: number | null;
  /** Addresses or CIDR blocks whose events are dropped. */
  excludedIps: string[];
  /** ISO 3166-1 alpha-2 codes whose events are dropped. */
  excludedCountries: string[];
  /** Globs over the path (`/admin/**`) whose events are dropped. */
  excludedPaths: string[];
  botPolicy: 'drop' | 'mark' | 'keep';
  /** At most this many events in each window of so many seconds; null: no limit of the project's own. */
  rateLimit: { events: number; perSeconds: number } | null;
  /** Web origins that may use `pub` keys; empty: any. */
  allowedOrigins: string[];
  storeIp: boolean;
}

/** A project as the server works with it. `number` is its short id inside the warehouse, `secret` keys its hashes. */
export interface Project {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly timezone: string;
  readonly domains: readonly string[];
  readonly settings: Readonly<ProjectSettings>;
  readonly secret: Buffer;
  readonly createdAt: number;
  readonly updatedAt: number;
}
