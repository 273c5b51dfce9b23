// Who is calling, and what may they do? The words of keys and scopes that every feature shares.
import type { Project } from '../projects/projects.types';

/** Everything that a key can be allowed to do with its project. */
export const SCOPES = [
  'events:write',
  'events:read',
  'stats:read',
  'funnels:write',
  'project:admin',
  'visitors:erase',
] as const;

/** One thing that a key may do. */
export type Scope = (typeof SCOPES)[number];

/** Kinds of keys that the API makes, from the least to the most able. */
export const PROJECT_KEY_KINDS = ['pub', 'sec', 'adm'] as const;

/** A kind of key that belongs to a project. */
export type ProjectKeyKind = (typeof PROJECT_KEY_KINDS)[number];

/** Every kind of key; `root` is the whole instance's. */
export type KeyKind = ProjectKeyKind | 'root';

/** What a kind may do at most; a key can be made with less. */
export const SCOPES_OF_KIND: Readonly<Record<KeyKind, readonly Scope[]>> = {
  pub: ['events:write'],
  sec: ['events:write', 'events:read', 'stats:read', 'funnels:write'],
  adm: SCOPES,
  root: SCOPES,
};

/** The key that a request came with. `id` is "root" for the instance's own; `projectId` is set for all other kinds. */
export interface RequestKey {
  readonly id: string;
  readonly kind: KeyKind;
  readonly scopes: readonly Scope[];
  readonly projectId?: string;
}

/** What the guard found out about a request; `project` is missing where root acts on none. */
export interface RequestAuth {
  readonly key: RequestKey;
  readonly project?: Project;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard on every route that is not public. */
    auth?: RequestAuth;
  }
}
