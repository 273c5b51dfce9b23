// How does a row become a project?
import type { projects } from './projects.schema';
import type { Project, ProjectSettings } from './projects.types';

/** What a project has where it decided nothing else. */
export const defaultSettings: Readonly<ProjectSettings> = {
  retentionDays: null,
  excludedIps: [],
  excludedCountries: [],
  excludedPaths: [],
  botPolicy: 'drop',
  rateLimit: null,
  allowedOrigins: [],
  storeIp: false,
};

/** A row as the server works with it. A setting that the row does not know yet has its default. */
export const toProject = (row: typeof projects.$inferSelect): Project => ({
  id: row.id,
  number: row.number,
  name: row.name,
  timezone: row.timezone,
  domains: row.domains,
  settings: { ...defaultSettings, ...row.settings },
  secret: row.secret,
  createdAt: row.createdAt.getTime(),
  updatedAt: row.updatedAt.getTime(),
});
