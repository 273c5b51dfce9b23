// Who stands before a route in the access matrix? A project with one of everything, and a key of every sort that there is.
import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { type ProjectKeyKind, SCOPES, type Scope } from '../../src/auth';
import { JobsService } from '../../src/platform/queue/jobs.service';
import { type AProject, aProject, ask, until } from './projects';
import { anAlert, type Thing } from './route-table';
import type { TestApp } from './test-app';

/** A caller with a key that works: its kind, what it may do. */
export interface Holder {
  readonly kind: ProjectKeyKind;
  readonly scopes: readonly Scope[];
}

const allBut = (scope: Scope): Scope[] => SCOPES.filter((other) => other !== scope);

/** Every sort of key of a project that works, by name. */
export const holders: ReadonlyMap<string, Holder> = new Map<string, Holder>([
  ['pub', { kind: 'pub', scopes: ['events:write'] }],
  ['sec', { kind: 'sec', scopes: ['events:write', 'events:read', 'stats:read', 'funnels:write'] }],
  ['adm', { kind: 'adm', scopes: SCOPES }],
  ...SCOPES.map((scope): [string, Holder] => [`only ${scope}`, { kind: 'adm', scopes: [scope] }]),
  ...SCOPES.map((scope): [string, Holder] => [`all but ${scope}`, { kind: 'adm', scopes: allBut(scope) }]),
]);

/** A project with one of each thing. Its `mark` stands in everything of it that an answer could show. */
export class AccessWorld {
  readonly mark = `mark${randomBytes(6).toString('hex')}`;
  readonly keys = new Map<string, string>();
  private readonly made = new Map<Thing, string>();

  private constructor(
    readonly app: TestApp,
    readonly project: AProject,
  ) {}

  static async of(app: TestApp): Promise<AccessWorld> {
    const world = new AccessWorld(app, await aProject(app));
    await world.#fill();
    return world;
  }

  /** The id of its own thing of a sort. */
  id(thing: Thing): string {
    const id = this.made.get(thing);
    if (id === undefined) throw new Error(`The world has no ${thing}`);
    return id;
  }

  /** A new thing, for a request that uses it up. Projects are made by their callers. */
  async fresh(thing: Thing): Promise<string> {
    if (thing === 'visitor') return (await this.#visit(randomUUID())).visitorId;
    return this.#make(thing);
  }

  /** The text of a key for a sort of caller. */
  async key(name: string): Promise<string> {
    const known = this.keys.get(name);
    if (known !== undefined) return known;
    const text = await keyOf(this.app, this.project, name);
    this.keys.set(name, text);
    return text;
  }

  async #fill(): Promise<void> {
    const { mark, made, project } = this;
    const { id, visitorId, userId, sessionId } = await this.#visit(mark);
    for (const [thing, value] of [
      ['project', project.id],
      ['event', id],
      ['visitor', visitorId],
      ['user', userId],
      ['clientSession', sessionId],
      ['auditTarget', project.id],
    ] as const)
      made.set(thing, value ?? '');
    const { body } = await ask<{ data: { id: string }[] }>(this.app, '/sessions?period=24h', { key: project.keys.sec });
    made.set('session', body.data[0]?.id ?? '');
    for (const thing of ['key', 'goal', 'funnel', 'alert', 'delivery', 'job'] as const)
      made.set(thing, await this.#make(thing));
    // Lists of more than one entry, for their cursors.
    for (const thing of ['goal', 'funnel', 'alert', 'delivery'] as const) await this.#make(thing);
    const sent = { events: [{ name: '', title: mark }, { name: 'x'.repeat(300) }] };
    await ask(this.app, '/events/batch', { key: project.keys.sec, body: sent });
    await ask(this.app, '/visitors/identify', {
      key: project.keys.sec,
      body: { userId: `user ${mark}`, traits: { [mark]: mark } },
    });
  }

  async #visit(visitor: string): Promise<{ id: string; visitorId: string; userId: string; sessionId: string }> {
    const { mark } = this;
    const id = randomUUID();
    const event = {
      id,
      name: 'pageview',
      visitorId: `visitor ${visitor}`,
      userId: `user ${visitor}`,
      sessionId: `session ${visitor}`,
      url: `https://${mark}.example/${mark}?utm_source=${mark}`,
      referrer: `https://from-${mark}.example/`,
      title: mark,
      properties: { plan: mark, [mark]: true },
    };
    const { keys } = this.project;
    await ask(this.app, '/events/batch', {
      key: keys.sec,
      body: { events: [event, { ...event, id: randomUUID(), name: mark }] },
    });
    const { body } = await until(
      () =>
        ask<{ id: string; visitorId: string; userId: string; sessionId: string }>(this.app, `/events/${id}`, {
          key: keys.sec,
        }),
      ({ status }) => status === 200,
    );
    return body;
  }

  async #make(thing: Thing): Promise<string> {
    const { app, project, mark } = this;
    const name = `${mark} ${randomUUID()}`;
    const post = async (path: string, body: unknown): Promise<string> => {
      const answer = await ask<{ id: string }>(app, path, { key: project.keys.adm, body });
      if (answer.status !== 201) throw new Error(`No ${thing}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body.id;
    };
    switch (thing) {
      case 'key':
        return post(`/projects/${project.id}/keys`, { name, kind: 'pub' });
      case 'goal':
        return post('/goals', { name, event: 'pageview' });
      case 'funnel':
        return post('/funnels', { name, steps: [{ event: 'pageview' }, { event: mark }] });
      case 'alert':
        return post('/alerts', { ...anAlert(), name });
      case 'delivery':
        return this.#delivery();
      case 'job':
        return (await app.app.get(JobsService).start('nobody.does.this', project.id)).id;
      default:
        throw new Error(`Nobody makes a ${thing} here`);
    }
  }

  /** Written where alerts write theirs: none of these ever fires. */
  async #delivery(): Promise<string> {
    const id = randomUUID();
    const client = new Client({ connectionString: this.app.urls.postgres });
    await client.connect();
    try {
      await client.query(
        `INSERT INTO webhook_deliveries (id, project_id, alert_id, type, body, state, attempts, next_attempt_at, created_at)
         VALUES ($1, $2, $3, 'alert.firing', $4, 'dead', 8, now(), now())`,
        [id, this.project.id, this.id('alert'), JSON.stringify({ mark: this.mark })],
      );
    } finally {
      await client.end();
    }
    return id;
  }
}

/** The text of a key of a project for a sort of caller; the instance's own for `root`. */
export async function keyOf(app: TestApp, project: AProject, name: string): Promise<string> {
  if (name === 'root') return app.rootKey;
  if (name === 'pub' || name === 'sec' || name === 'adm') return project.keys[name];
  const { kind, scopes } = holders.get(name) ?? { kind: 'adm' };
  return aKey(app, project, { name, kind, scopes });
}

/** Makes a key. @returns its text */
export async function aKey(app: TestApp, project: AProject, wish: object): Promise<string> {
  const { status, body } = await ask<{ key: string }>(app, `/projects/${project.id}/keys`, {
    key: project.keys.adm,
    body: { name: 'A key', kind: 'adm', ...wish },
  });
  if (status !== 201) throw new Error(`No key: ${status} ${JSON.stringify(body)}`);
  return body.key;
}

/** An id of the same form that nobody has. @param like one that somebody has */
export function nobodys(thing: Thing, like: string): string {
  const hash = randomBytes(8).toString('hex');
  if (thing === 'session') return `${hash}${like.slice(16)}`;
  return /^[0-9a-f]{16}$/.test(like) ? hash : randomUUID();
}
