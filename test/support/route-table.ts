// What does every route ask of its caller, and whose things does a request name? The table that the access matrix is made from.
import { randomUUID } from 'node:crypto';
import type { Scope } from '../../src/auth';
import type { TestApp } from './test-app';

/** A thing of a project that a request can name. */
export type Thing =
  | 'project'
  | 'key'
  | 'event'
  | 'session'
  | 'clientSession'
  | 'visitor'
  | 'user'
  | 'funnel'
  | 'goal'
  | 'alert'
  | 'delivery'
  | 'job'
  | 'auditTarget';

/** The ids of a request, by the names that a row gives them. */
export type Ids = Readonly<Record<string, string>>;

/** What a route asks for and what a good request to it is made of. Written from the contract, not from the code. */
export interface RouteRow {
  /** Which scope; `anybody` needs no key, `root` takes the instance's only. */
  readonly needs: 'anybody' | 'root' | Scope;
  /** Where its project comes from: the key (root: `X-Project-Id`), the path, the key or all of them for root, or nowhere. */
  readonly project: 'key' | 'path' | 'optional' | 'none';
  /** Status of an answer to a good request. */
  readonly done: number;
  /** Ids that stand in a request, and of which thing; those of the path by the parameter's name. */
  readonly ids?: Readonly<Record<string, Thing>>;
  /** Parameters of the path that are no ids. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: (ids: Ids) => Readonly<Record<string, string>>;
  readonly body?: (ids: Ids) => unknown;
  /** The thing that a good request uses up: each gets one of its own. */
  readonly spends?: Thing;
  /** A kind of key that is refused though it has the scope. */
  readonly notFor?: 'pub';
}

const DAY_MS = 86_400_000;
const day = (offset: number): string => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);
/** Around now, and the same in every request of a run. */
const range = { from: day(-2), to: day(1) };

const ofVisitor = ({ visitor = '' }: Ids): string => JSON.stringify(['is', 'visitor', [visitor]]);
const ofGoalAndVisitor = ({ goal = '', visitor = '' }: Ids): unknown[] => [
  'and',
  ['is', 'goal', [goal]],
  ['is', 'visitor', [visitor]],
];
const chosen = { visitor: 'visitor', goal: 'goal' } as const;

/** A question to statistics: of a range, with a filter that names a goal and a visitor. */
const figures = (more: Readonly<Record<string, string>> = {}): RouteRow => ({
  needs: 'stats:read',
  project: 'key',
  done: 200,
  ids: chosen,
  query: (ids) => ({ ...range, ...more, filters: JSON.stringify(ofGoalAndVisitor(ids)) }),
});
/** A list of events or what is in them. */
const reading = (more: Partial<RouteRow> = {}, query: Readonly<Record<string, string>> = {}): RouteRow => ({
  needs: 'events:read',
  project: 'key',
  done: 200,
  ids: { visitor: 'visitor' },
  query: (ids) => ({ ...range, ...query, filters: ofVisitor(ids) }),
  ...more,
});
const eventsOf: Partial<RouteRow> = {
  ids: { visitorId: 'visitor', userId: 'user', sessionId: 'clientSession' },
};
const ofPeople = ({ visitorId = '', userId = '', sessionId = '' }: Ids): Record<string, string> => ({
  ...range,
  visitorId,
  userId,
  sessionId,
});
const inPath = (needs: Scope, done: number, more: Partial<RouteRow> = {}): RouteRow => ({
  needs,
  project: 'path',
  done,
  ids: { id: 'project' },
  ...more,
});
const one = (needs: Scope, thing: Thing, more: Partial<RouteRow> = {}): RouteRow => ({
  needs,
  project: 'key',
  done: 200,
  ids: { id: thing },
  ...more,
});
const open: RouteRow = { needs: 'anybody', project: 'none', done: 200 };
const named = (): { name: string } => ({ name: `made ${randomUUID()}` });
const anEvent = (): Record<string, unknown> => ({ name: 'sent', visitorId: 'sender' });
const steps = ({ goal = '' }: Ids): unknown[] => [{ event: 'pageview' }, { goal }];

const API = '/api/v1';
const api = (rows: Readonly<Record<string, RouteRow>>): [string, RouteRow][] =>
  Object.entries(rows).map(([route, row]) => [route.replace(' ', ` ${API}`), row]);

/** Every route of the server, `METHOD /path/{parameter}`. A route that is not here fails the suite. */
export const routeTable: ReadonlyMap<string, RouteRow> = new Map([
  ...api({
    'POST /projects': { needs: 'root', project: 'none', done: 201, body: named },
    'GET /projects': { needs: 'project:admin', project: 'optional', done: 200 },
    'GET /projects/{id}': inPath('project:admin', 200),
    'PATCH /projects/{id}': inPath('project:admin', 200, { body: () => ({ domains: [] }) }),
    'DELETE /projects/{id}': inPath('project:admin', 202, { spends: 'project' }),
    'POST /projects/{id}/backfill': inPath('project:admin', 202, { body: () => ({ ...range }) }),
    'GET /projects/{id}/rollups': inPath('project:admin', 200),
    'GET /projects/{id}/usage': inPath('project:admin', 200, { query: () => range }),
    'POST /projects/{id}/verify': inPath('project:admin', 202),
    'POST /projects/{id}/keys': inPath('project:admin', 201, { body: () => ({ ...named(), kind: 'pub' }) }),
    'GET /projects/{id}/keys': inPath('project:admin', 200),
    'DELETE /projects/{id}/keys/{keyId}': inPath('project:admin', 204, {
      ids: { id: 'project', keyId: 'key' },
      spends: 'key',
    }),
    'POST /projects/{id}/keys/{keyId}/rotate': inPath('project:admin', 201, {
      ids: { id: 'project', keyId: 'key' },
      spends: 'key',
      body: () => ({ graceSeconds: 0 }),
    }),
    'POST /events': { needs: 'events:write', project: 'key', done: 200, body: anEvent },
    'POST /events/batch': {
      needs: 'events:write',
      project: 'key',
      done: 200,
      body: () => ({ events: [anEvent()] }),
    },
    'GET /events': reading({ ...eventsOf, query: ofPeople }),
    'GET /events/export': reading({ ...eventsOf, query: (ids) => ({ ...ofPeople(ids), format: 'ndjson' }) }),
    'GET /events/properties': reading(),
    'GET /events/properties/{key}/values': reading({ path: { key: 'plan' } }),
    'GET /events/rejected': reading({ ids: {}, query: () => range }),
    'GET /events/summary': reading(),
    'GET /events/timeseries': reading({}, { names: 'pageview', interval: 'day' }),
    'GET /events/{id}': one('events:read', 'event'),
    'GET /sessions': reading(),
    'GET /sessions/{id}': one('events:read', 'session'),
    'GET /visitors': reading(),
    'POST /visitors/identify': {
      needs: 'events:write',
      project: 'key',
      done: 200,
      notFor: 'pub',
      body: () => ({ userId: 'known', traits: { plan: 'pro' } }),
    },
    'GET /visitors/{id}': one('events:read', 'visitor'),
    'DELETE /visitors/{id}': one('visitors:erase', 'visitor', { done: 202, spends: 'visitor' }),
    'GET /visitors/{id}/events': one('events:read', 'visitor'),
    'POST /visitors/{id}/export': one('visitors:erase', 'visitor'),
    'GET /visitors/{id}/sessions': one('events:read', 'visitor'),
    'GET /stats/breakdown/{dimension}': { ...figures(), path: { dimension: 'event' } },
    'GET /stats/countries': figures(),
    'GET /stats/devices': figures(),
    'GET /stats/journeys': figures(),
    'GET /stats/lifecycle': figures({ interval: 'day' }),
    'GET /stats/overview': figures(),
    'GET /stats/pages': figures(),
    'POST /stats/query': {
      needs: 'stats:read',
      project: 'key',
      done: 200,
      ids: chosen,
      body: (ids) => ({
        ...range,
        metrics: ['visitors', 'events'],
        dimensions: ['page'],
        filters: ofGoalAndVisitor(ids),
      }),
    },
    'GET /stats/referrers': figures(),
    'GET /stats/retention': {
      ...figures(),
      ids: { ...chosen, startGoal: 'goal', returnGoal: 'goal' },
      query: ({ startGoal = '', returnGoal = '', ...ids }) => ({
        ...range,
        startGoal,
        returnGoal,
        interval: 'day',
        filters: JSON.stringify(ofGoalAndVisitor(ids)),
      }),
    },
    'GET /stats/stickiness': figures({ interval: 'week' }),
    'GET /stats/timeseries': figures({ metrics: 'visitors,events', interval: 'day' }),
    'GET /realtime': { ...figures(), query: (ids) => ({ filters: JSON.stringify(ofGoalAndVisitor(ids)) }) },
    'GET /realtime/stream': { needs: 'stats:read', project: 'key', done: 200 },
    'POST /realtime/tickets': { needs: 'stats:read', project: 'key', done: 201 },
    'POST /funnels': {
      needs: 'funnels:write',
      project: 'key',
      done: 201,
      ids: { goal: 'goal' },
      body: (ids) => ({ ...named(), steps: steps(ids) }),
    },
    'GET /funnels': { needs: 'stats:read', project: 'key', done: 200 },
    'POST /funnels/query': {
      needs: 'stats:read',
      project: 'key',
      done: 200,
      ids: chosen,
      body: (ids) => ({ ...range, steps: steps(ids), filters: ofGoalAndVisitor(ids) }),
    },
    'GET /funnels/{id}': one('stats:read', 'funnel'),
    'PATCH /funnels/{id}': one('funnels:write', 'funnel', {
      ids: { id: 'funnel', goal: 'goal' },
      body: (ids) => ({ steps: steps(ids) }),
    }),
    'DELETE /funnels/{id}': one('funnels:write', 'funnel', { done: 204, spends: 'funnel' }),
    'GET /funnels/{id}/revisions': one('stats:read', 'funnel'),
    'GET /funnels/{id}/stats': one('stats:read', 'funnel', {
      ids: { id: 'funnel', ...chosen },
      query: (ids) => ({ ...range, filters: JSON.stringify(ofGoalAndVisitor(ids)) }),
    }),
    'GET /funnels/{id}/visitors': one('stats:read', 'funnel', {
      ids: { id: 'funnel', ...chosen },
      query: (ids) => ({ ...range, step: '1', filters: JSON.stringify(ofGoalAndVisitor(ids)) }),
    }),
    'GET /goals': { needs: 'stats:read', project: 'key', done: 200 },
    'POST /goals': {
      needs: 'funnels:write',
      project: 'key',
      done: 201,
      body: () => ({ ...named(), event: 'signup' }),
    },
    'GET /goals/{id}': one('stats:read', 'goal'),
    'PATCH /goals/{id}': one('funnels:write', 'goal', { body: () => ({ event: 'pageview' }) }),
    'DELETE /goals/{id}': one('funnels:write', 'goal', { done: 204, spends: 'goal' }),
    'GET /alerts': { needs: 'stats:read', project: 'key', done: 200 },
    'POST /alerts': {
      needs: 'project:admin',
      project: 'key',
      done: 201,
      ids: { goal: 'goal' },
      body: ({ goal = '' }) => ({ ...anAlert(), filters: ['is', 'goal', [goal]] }),
    },
    'GET /alerts/{id}': one('stats:read', 'alert'),
    'PATCH /alerts/{id}': one('project:admin', 'alert', {
      ids: { id: 'alert', goal: 'goal' },
      body: ({ goal = '' }) => ({ filters: ['is', 'goal', [goal]] }),
    }),
    'DELETE /alerts/{id}': one('project:admin', 'alert', { done: 204, spends: 'alert' }),
    'POST /alerts/{id}/secret': one('project:admin', 'alert'),
    'POST /alerts/{id}/test': one('project:admin', 'alert'),
    'GET /webhooks/deliveries': {
      needs: 'stats:read',
      project: 'key',
      done: 200,
      ids: { alertId: 'alert' },
      query: ({ alertId = '' }) => ({ alertId }),
    },
    'POST /webhooks/deliveries/{id}/replay': one('project:admin', 'delivery', { spends: 'delivery' }),
    'GET /audit': {
      needs: 'project:admin',
      project: 'optional',
      done: 200,
      ids: { targetId: 'auditTarget' },
      query: ({ targetId = '' }) => ({ targetId }),
    },
    'GET /jobs/{id}': { needs: 'project:admin', project: 'optional', done: 200, ids: { id: 'job' } },
  }),
  ['GET /health/live', open],
  ['GET /health/ready', open],
  ['GET /health/startup', open],
  ['GET /metrics', open],
]);

/** An alert that never fires, and whose webhook nobody answers: port 9 of this machine. */
export const anAlert = (): Record<string, unknown> => ({
  ...named(),
  metric: 'events',
  window: 3_600,
  condition: 'above',
  threshold: 1e9,
  webhook: { url: 'http://127.0.0.1:9/' },
});

/** The server's own list of routes, from its router: `METHOD /path/{parameter}`, without what it makes by itself (HEAD, OPTIONS). */
export function routesOf({ app }: Pick<TestApp, 'app'>): string[] {
  const tree = app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
  const path: string[] = [];
  const routes = tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^([│├└─\s]*)(\S.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    const depth = indent.length / 4;
    path.length = Math.max(0, depth - 1);
    path.push(part);
    const template = path.join('').replace(/:(\w+)/g, '{$1}');
    return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${template}`);
  });
  return [...new Set(routes)].filter((route) => !/^(HEAD|OPTIONS) /.test(route));
}

/** Swagger UI and the document itself, which anybody may read. */
export const DOCUMENTATION = /^GET \/(docs|openapi\.json)/;
