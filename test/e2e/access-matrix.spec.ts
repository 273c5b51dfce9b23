// Who may do what to whose? Every route of the server's own table, with every sort of key, on things of its own, of another project, and on nobody's.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { newKeyText } from '../../src/auth/key-format';
import { aProject, ask, startTestApp, until, type AProject, type TestApp } from '../support';
import { AccessWorld, aKey, holders, keyOf, nobodys } from '../support/access-world';
import { DOCUMENTATION, type Ids, type RouteRow, routesOf, routeTable } from '../support/route-table';

jest.setTimeout(600_000);

let app: TestApp;
let own: AccessWorld;
let other: AccessWorld;
/** Headers of callers whom no route lets in, by what is wrong with them. */
const strangers = new Map<string, Record<string, string>>();

beforeAll(async () => {
  app = await startTestApp({ env: { AUTH_FAILURES_PER_MINUTE: '1000000', ALERT_PRIVATE_ADDRESSES: 'true' } });
  [own, other] = [await AccessWorld.of(app), await AccessWorld.of(app)];
  for (const name of holders.keys()) await own.key(name);
  await makeStrangers();
});
afterAll(() => app.close());

/** Keys that do not work, each for another reason. The refused projects' things do not matter: they get nowhere. */
async function makeStrangers(): Promise<void> {
  const { project } = own;
  const by = (key: string): Record<string, string> => ({ 'x-api-key': key });
  const expired = await aKey(app, project, { expiresAt: new Date(Date.now() + 1_000).toISOString() });
  const [revoked, rotated] = [
    await aKey(app, project, { name: 'revoked' }),
    await aKey(app, project, { name: 'rotated' }),
  ];
  const { body } = await ask<{ data: { id: string; name: string }[] }>(app, `/projects/${project.id}/keys`, {
    key: project.keys.adm,
  });
  const pathOf = (name: string): string =>
    `/projects/${project.id}/keys/${body.data.find((key) => key.name === name)?.id}`;
  const ended = await ask(app, pathOf('revoked'), { method: 'DELETE', key: project.keys.adm });
  const replaced = await ask(app, `${pathOf('rotated')}/rotate`, { key: project.keys.adm, body: { graceSeconds: 0 } });
  const gone = await aProject(app);
  const deleted = await ask(app, `/projects/${gone.id}`, { method: 'DELETE', key: gone.keys.adm });
  expect([ended.status, replaced.status, deleted.status]).toEqual([204, 201, 202]);
  for (const [name, headers] of Object.entries({
    'an unknown key': by(newKeyText('adm')),
    'an unknown root key': by(newKeyText('root')),
    'a cut key': by(project.keys.adm.slice(0, -1)),
    'no key of ours': by(`${randomUUID()}${randomUUID()}`),
    'a revoked key': by(revoked),
    'an expired key': by(expired),
    'a rotated key after its grace': by(rotated),
    'a key of a deleted project': by(gone.keys.adm),
    'a key twice in one header': by(`${project.keys.adm} `.repeat(2)),
    'two keys that differ': { ...by(project.keys.adm), authorization: `Bearer ${project.keys.sec}` },
    'a key as Basic': { authorization: `Basic ${project.keys.adm}` },
  }))
    strangers.set(name, headers);
  await sleep(1_100);
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** All that may differ between two answers taken out; ids that were asked for too. */
  readonly plain: string;
}

const VOLATILE = new Set([
  'server-timing',
  'date',
  'x-request-id',
  'ratelimit',
  'content-length',
  'connection',
  'keep-alive',
  'transfer-encoding',
]);

const STREAM = 'GET /api/v1/realtime/stream';

/** Where a request with these ids goes. */
function targetOf(route: string, ids: Ids, more: Record<string, string> = {}): string {
  const row = rowOf(route);
  const path = (route.split(' ')[1] ?? '').replace(
    /\{(\w+)\}/g,
    (_all, name: string) => row.path?.[name] ?? ids[name] ?? '',
  );
  const query = new URLSearchParams({ ...row.query?.(ids), ...more }).toString();
  return query === '' ? path : `${path}?${query}`;
}

/** Asks a route with these ids: past the network, as these are thousands. */
async function request(
  route: string,
  ids: Ids,
  headers: Record<string, string>,
  more: Record<string, string> = {},
  method = route.split(' ')[0] ?? '',
): Promise<Answer> {
  if (route === STREAM) return watch(targetOf(route, ids, more), headers, method);
  const body = method === 'HEAD' ? undefined : rowOf(route).body?.(ids);
  const answer = await app.app.inject({
    method: method as 'GET',
    url: targetOf(route, ids, more),
    headers,
    ...(body === undefined ? {} : { payload: body as object }),
  });
  return {
    status: answer.statusCode,
    text: answer.body,
    plain: plainOf(Object.entries(answer.headers), answer.body, ids),
  };
}

/** The first message of a stream, or why there is none. A stream has no end, so this goes by the network. */
async function watch(target: string, headers: Record<string, string>, method: string): Promise<Answer> {
  const ends = new AbortController();
  const answer = await fetch(`${app.url}${target}`, { method, headers, signal: ends.signal });
  const streams = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const text = streams ? new TextDecoder().decode((await answer.body?.getReader().read())?.value) : await answer.text();
  if (streams) ends.abort();
  return { status: answer.status, text, plain: plainOf([...answer.headers], text, {}) };
}

function plainOf(headers: [string, unknown][], text: string, ids: Ids): string {
  const lines = headers.filter(([name]) => !VOLATILE.has(name)).map(([name, value]) => `${name}: ${String(value)}`);
  const still = text.replace(/"requestId":"[^"]*"/, '').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>');
  let plain = `${lines.sort().join('\n')}\n${still}`;
  for (const id of Object.values(ids)) plain = plain.replaceAll(id, '<id>');
  return plain;
}

function rowOf(route: string): RouteRow {
  const row = routeTable.get(route);
  if (row === undefined) throw new Error(`No row for ${route}`);
  return row;
}

const idsOf = (world: AccessWorld, { ids = {} }: RouteRow): Ids =>
  Object.fromEntries(Object.entries(ids).map(([name, thing]) => [name, world.id(thing)]));

const lets = (row: RouteRow, holder: string): boolean => {
  if (row.needs === 'anybody') return true;
  return row.needs !== 'root' && row.notFor !== holder && holders.get(holder)?.scopes.includes(row.needs) === true;
};

/** What a caller with a working key brings. Root acts on the own project, where the route takes that from a header. */
const headersOf = (holder: string): Record<string, string> =>
  holder === 'root'
    ? { 'x-api-key': app.rootKey, 'x-project-id': own.project.id }
    : { 'x-api-key': own.keys.get(holder) ?? '' };

/** A thing of one's own that a request may use up, and the headers that go with it. */
async function spend(row: RouteRow, holder: string): Promise<{ ids: Ids; headers: Record<string, string> }> {
  const ids = { ...idsOf(own, row) };
  const { spends } = row;
  if (spends === undefined) return { ids, headers: headersOf(holder) };
  const name = Object.entries(row.ids ?? {}).find(([, thing]) => thing === spends)?.[0] ?? '';
  if (spends !== 'project') return { ids: { ...ids, [name]: await own.fresh(spends) }, headers: headersOf(holder) };
  const project: AProject = await aProject(app);
  return { ids: { ...ids, [name]: project.id }, headers: { 'x-api-key': await keyOf(app, project, holder) } };
}

const routes = [...routeTable.keys()];
const keyed = routes.filter((route) => rowOf(route).needs !== 'anybody');
/** Whether the door is open to a key, found out without the work behind it where that can be: by what is nobody's, or by a filter that is none. */
async function passes(route: string, holder: string): Promise<boolean> {
  const row = rowOf(route);
  if (row.spends === 'project') return true;
  const ofProject: Ids = row.project === 'path' ? { id: own.id('project') } : {};
  const { status } = await request(route, { ...randomIds(row), ...ofProject }, headersOf(holder), nothingOf(row));
  const mayBe = [row.done, 400, ...(route.includes('{') ? [404] : [])];
  return mayBe.includes(status);
}

/** What makes a question one that is refused before it is asked. */
const nothingOf = (row: RouteRow): Record<string, string> =>
  row.query?.(idsOf(own, row))['filters'] === undefined ? {} : { filters: 'none' };

describe('the table', () => {
  it('has a row for every route of the server, and no other', () => {
    expect(routes.toSorted()).toEqual(
      routesOf(app)
        .filter((route) => !DOCUMENTATION.test(route))
        .toSorted(),
    );
  });

  it('names every id that a path or a query can hold', async () => {
    interface Document {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
    }
    const { paths } = (await (await fetch(`${app.url}/openapi.json`)).json()) as Document;
    const missing = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { parameters = [] }]) => {
        const route = `${method.toUpperCase()} ${path}`;
        const { ids = {}, path: fixed = {} } = rowOf(route);
        const named = (name: string): boolean => name in ids || name in fixed || name === 'lastEventId';
        return parameters
          .filter((parameter) => parameter.in === 'path' || (parameter.in === 'query' && /id$/i.test(parameter.name)))
          .filter(({ name }) => !named(name))
          .map(({ name }) => `${route} ${name}`);
      }),
    );
    expect(missing).toEqual([]);
  });
});

describe.each(keyed)('%s', (route) => {
  const row = rowOf(route);

  it('is 401 for whoever brings no key that works, whatever is asked for', async () => {
    const wrong: unknown[] = [];
    const seen = new Map<string, Set<string>>();
    for (const [name, headers] of [...strangers, ['no key', {}] as const])
      for (const ids of [idsOf(own, row), idsOf(other, row), randomIds(row)]) {
        const answer = await request(route, ids, headers);
        if (answer.status !== 401 || !/www-authenticate: Bearer/.test(answer.plain)) wrong.push([name, answer.status]);
        const kind = 'x-api-key' in headers && !('authorization' in headers) ? 'a key' : name;
        seen.set(kind, (seen.get(kind) ?? new Set()).add(answer.plain));
      }
    for (const key of [own.project.keys.adm, own.project.keys.sec, app.rootKey]) {
      const { status } = await request(route, idsOf(own, row), {}, { key });
      if (status !== 401) wrong.push(['a key in the address', status]);
    }
    expect(wrong).toEqual([]);
    // Unknown, cut, revoked, expired and replaced keys are told the same, in every byte.
    expect([...seen].filter(([, texts]) => texts.size > 1)).toEqual([]);
  });

  it('is 403 for a key without what it takes, whatever is asked for, and does what it should for one with it', async () => {
    const wrong: unknown[] = [];
    for (const holder of holders.keys()) {
      const allowed = lets(row, holder);
      if (allowed && holder.startsWith('all but')) {
        if (!(await passes(route, holder))) wrong.push([holder, 'is not let in']);
        continue;
      }
      const { ids, headers } = allowed
        ? await spend(row, holder)
        : { ids: idsOf(own, row), headers: headersOf(holder) };
      const answer = await request(route, ids, headers);
      if (answer.status !== (allowed ? row.done : 403)) wrong.push([holder, answer.status, answer.text.slice(0, 300)]);
      if (answer.text.includes(other.mark)) wrong.push([holder, 'shows what is not its own']);
      if (allowed) continue;
      for (const elses of [idsOf(other, row), randomIds(row)])
        if ((await request(route, elses, headers)).plain !== answer.plain) wrong.push([holder, 'is told more']);
    }
    const { ids, headers } = await spend(row, 'root');
    const byRoot = await request(route, ids, headers);
    if (byRoot.status !== row.done) wrong.push(['root', byRoot.status, byRoot.text.slice(0, 300)]);
    expect(wrong).toEqual([]);
  });

  it('answers for what is another project’s as for what is nobody’s', async () => {
    const wrong: unknown[] = [];
    const callers = [...holders.keys(), ...(row.project === 'key' ? ['root'] : [])].filter(
      (holder) => holder === 'root' || (lets(row, holder) && !/^all but|^sec/.test(holder)),
    );
    for (const holder of callers)
      for (const [name, thing] of Object.entries(row.ids ?? {})) {
        const base = idsOf(own, row);
        const [others, nobody] = [
          await request(route, { ...base, [name]: other.id(thing) }, headersOf(holder)),
          await request(route, { ...base, [name]: nobodys(thing, other.id(thing)) }, headersOf(holder)),
        ];
        if (others.plain !== nobody.plain || others.status !== nobody.status)
          wrong.push([holder, name, others.plain, nobody.plain]);
        const inPath = route.includes(`{${name}}`);
        if (inPath ? others.status !== 404 : [401, 403, 500].includes(others.status))
          wrong.push([holder, name, others.status]);
        if (others.text.includes(other.mark)) wrong.push([holder, name, 'shows what is not its own']);
      }
    expect(wrong).toEqual([]);
  });

  it('lets no key choose another project by its header', async () => {
    const holder = [...holders.keys()].find((name) => lets(row, name));
    if (holder === undefined || row.project === 'path') {
      // A path says which project it is about, and the header nothing.
      const headers = { ...headersOf(holder ?? 'adm'), 'x-project-id': other.project.id };
      const { status, text } = await request(route, { ...idsOf(own, row), id: other.project.id }, headers);
      expect([status, text.includes(other.mark)]).toEqual([holder === undefined ? 403 : 404, false]);
      return;
    }
    const by = (id: string) => request(route, idsOf(own, row), { ...headersOf(holder), 'x-project-id': id });
    const [others, nobody] = [await by(other.project.id), await by(randomUUID())];
    expect([others.status, others.plain]).toEqual([404, nobody.plain]);
  });
});

it('is open to anybody where it tells of nobody', async () => {
  for (const route of routes.filter((name) => rowOf(name).needs === 'anybody'))
    for (const headers of [{}, { 'x-api-key': newKeyText('adm') }, headersOf('adm')]) {
      const { status, text } = await request(route, {}, headers);
      expect([route, status]).toEqual([route, rowOf(route).done]);
      expect([own.mark, own.project.id, own.project.keys.adm].filter((secret) => text.includes(secret))).toEqual([]);
    }
});

it('asks root which project it means, where the route does not say', async () => {
  const wrong: unknown[] = [];
  for (const route of keyed.filter((name) => rowOf(name).project === 'key')) {
    const by = (headers: Record<string, string>) =>
      request(route, idsOf(own, rowOf(route)), { 'x-api-key': app.rootKey, ...headers });
    const statuses = [
      (await by({})).status,
      (await by({ 'x-project-id': 'x' })).status,
      (await by({ 'x-project-id': randomUUID() })).status,
    ];
    if (statuses.join() !== '400,400,404') wrong.push([route, statuses]);
  }
  expect(wrong).toEqual([]);
});

it('judges HEAD as it does GET', async () => {
  const wrong: unknown[] = [];
  for (const route of keyed.filter((name) => name.startsWith('GET ')))
    for (const [caller, headers] of [
      ['no key', {}],
      ['pub', headersOf('pub')],
      ['adm', headersOf('adm')],
    ] as const) {
      const row = rowOf(route);
      const ids = idsOf(own, row);
      const [head, get] = [
        await request(route, ids, headers, nothingOf(row), 'HEAD'),
        await request(route, ids, headers, nothingOf(row)),
      ];
      if (head.status !== get.status) wrong.push([route, caller, head.status, get.status]);
    }
  expect(wrong).toEqual([]);
});

it('takes no cursor into another project’s list', async () => {
  interface Page {
    data?: unknown[];
    page?: { next: string | null };
  }
  const walked: string[] = [];
  const wrong: unknown[] = [];
  for (const route of keyed.filter((name) => name.startsWith('GET '))) {
    const row = rowOf(route);
    const mine = { 'x-api-key': other.project.keys.adm };
    const first = await request(route, idsOf(other, row), mine, { limit: '1' });
    const next = first.status === 200 && isJson(first.text) ? (JSON.parse(first.text) as Page).page?.next : undefined;
    if (typeof next !== 'string') continue;
    walked.push(route);
    const { status, text } = await request(route, idsOf(own, row), headersOf('adm'), { limit: '1', cursor: next });
    if (![200, 400, 404].includes(status) || text.includes(other.mark)) wrong.push([route, status, text.slice(0, 200)]);
  }
  expect(wrong).toEqual([]);
  // Lists of which another project has more than one entry: the claim is about something.
  expect(walked.length).toBeGreaterThan(5);
});

describe('a ticket', () => {
  const ticketOf = async (world: AccessWorld): Promise<string> =>
    (await ask<{ ticket: string }>(app, '/realtime/tickets', { method: 'POST', key: world.project.keys.sec })).body
      .ticket;

  it('opens the stream of its project, once, and no other route', async () => {
    const wrong: unknown[] = [];
    const ticket = await ticketOf(own);
    for (const route of keyed.filter((name) => name !== STREAM)) {
      const { status } = await request(route, idsOf(own, rowOf(route)), {}, { ticket });
      if (status !== 401) wrong.push([route, status]);
    }
    expect(wrong).toEqual([]);
    const elsewhere = await request(STREAM, {}, { 'x-project-id': other.project.id }, { ticket: await ticketOf(own) });
    expect(elsewhere.status).toBe(404);
    const opened = await request(STREAM, {}, {}, { ticket });
    expect([opened.status, opened.text.includes(own.mark), opened.text.includes(other.mark)]).toEqual([
      200,
      true,
      false,
    ]);
    expect((await request(STREAM, {}, {}, { ticket })).status).toBe(401);
  });

  it('does not resume what another project’s stream said', async () => {
    const theirs = await until(
      () => request(STREAM, {}, { 'x-api-key': other.project.keys.sec }),
      ({ text }) => /^id: ?\S+/m.test(text),
    );
    const id = /^id: ?(\S+)/m.exec(theirs.text)?.[1] ?? '';
    expect(id).not.toBe('');
    const resumed = await request(STREAM, {}, { ...headersOf('sec'), 'last-event-id': id });
    expect([resumed.status, resumed.text.includes(other.mark)]).toEqual([200, false]);
  });
});

const randomIds = (row: RouteRow): Ids =>
  Object.fromEntries(Object.entries(row.ids ?? {}).map(([name, thing]) => [name, nobodys(thing, own.id(thing))]));

const isJson = (text: string): boolean => text.startsWith('{');
