// Do goals come, change and go as the contract has it, and belong to nobody but their project? The whole app on real stores.
import { randomUUID } from 'node:crypto';
import { globPattern } from '../../src/common/glob';
import { GoalsService } from '../../src/goals';
import {
  aClickHouseDatabase,
  aProject,
  ask,
  askClickHouse,
  startTestApp,
  type AProject,
  type Answer,
  type TestApp,
} from '../support';

interface GoalBody {
  id: string;
  name: string;
  event: string | null;
  page: string | null;
  filters: unknown[] | null;
  value: object | null;
  createdAt: string;
  updatedAt: string;
}
interface Page {
  data: GoalBody[];
  page: { next: string | null };
}
interface Fault {
  code: string;
  errors: { path: string; code: string }[];
}

let app: TestApp;
let shop: AProject;
beforeAll(async () => {
  app = await startTestApp();
  shop = await aProject(app);
});
afterAll(() => app.close());

const create = <T = GoalBody>(body: unknown, project = shop): Promise<Answer<T>> =>
  ask<T>(app, '/goals', { key: project.keys.sec, body });
const change = <T = GoalBody>(id: string, body: unknown): Promise<Answer<T>> =>
  ask<T>(app, `/goals/${id}`, { key: shop.keys.sec, method: 'PATCH', body });
const aGoal = async (wish: object = {}, project = shop): Promise<GoalBody> => {
  const { status, body } = await create({ name: randomUUID().slice(1), event: 'signup', ...wish }, project);
  expect(status).toBe(201);
  return body;
};
const faultsOf = ({ status, body }: Answer<Fault>): unknown => [
  status,
  ...body.errors.map(({ path, code }) => `${path} ${code}`),
];

describe('making a goal', () => {
  it('answers the goal, and the same when it is read', async () => {
    const filters = ['and', ['gte', 'property:seats', [5]], ['did', ['is', 'event', ['trial']]]];
    const value = { amount: '12.50', currency: 'EUR' };
    const { status, body } = await create({ name: '  Signup  ', event: 'signup', filters, value });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{14}7[0-9a-f-]{21}$/),
      name: 'Signup',
      event: 'signup',
      page: null,
      filters,
      value,
      createdAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
      updatedAt: body.createdAt,
    });
    const read = await ask(app, `/goals/${body.id.toUpperCase()}`, { key: shop.keys.sec });
    expect([read.status, read.body]).toEqual([200, body]);
  });

  it.each([
    ['no name', { event: 'a' }, 'name required'],
    ['an empty name', { name: '  ', event: 'a' }, 'name too_short'],
    ['a long name', { name: 'x'.repeat(101), event: 'a' }, 'name too_long'],
    ['a name like an id', { name: randomUUID().toUpperCase(), event: 'a' }, 'name invalid_form'],
    ['a name that no store takes', { name: 'a\0', event: 'a' }, 'name invalid_characters'],
    ['neither event nor page', { name: 'a' }, 'event required'],
    ['neither, said as null', { name: 'a', event: null, page: null }, 'event required'],
    ['both', { name: 'a', event: 'a', page: '/' }, 'page not_both'],
    ['an empty event', { name: 'a', event: '' }, 'event too_short'],
    ['a long event', { name: 'a', event: 'x'.repeat(201) }, 'event too_long'],
    ['a page that is no path', { name: 'a', page: 'thanks' }, 'page invalid_form'],
    ['an empty page', { name: 'a', page: '' }, 'page too_short'],
    ['a long page', { name: 'a', page: `/${'x'.repeat(500)}` }, 'page too_long'],
    ['filters that are no list', { name: 'a', event: 'a', filters: 'is' }, 'filters not_a_list'],
    ['filters of nothing', { name: 'a', event: 'a', filters: ['is', 'colour', ['x']] }, 'filters[1] unknown_dimension'],
    [
      'a goal in a goal',
      { name: 'a', event: 'a', filters: ['not', ['is', 'goal', ['b']]] },
      'filters[1][1] unknown_dimension',
    ],
    [
      'filters beyond measure',
      { name: 'a', event: 'a', filters: ['is', 'page', Array(7).fill('x'.repeat(2_000))] },
      'filters too_long',
    ],
    ['a value that is no object', { name: 'a', event: 'a', value: 5 }, 'value not_an_object'],
    ['a value without currency', { name: 'a', event: 'a', value: { amount: '1' } }, 'value.currency required'],
    ['a value of nothing', { name: 'a', event: 'a', value: { currency: 'EUR' } }, 'value.amount required'],
    [
      'a value of both kinds',
      { name: 'a', event: 'a', value: { amount: '1', property: 'p', currency: 'EUR' } },
      'value.property not_both',
    ],
    [
      'a number for an amount',
      { name: 'a', event: 'a', value: { amount: 1, currency: 'EUR' } },
      'value.amount not_a_text',
    ],
    [
      'an amount that is none',
      { name: 'a', event: 'a', value: { amount: '1,5', currency: 'EUR' } },
      'value.amount invalid_format',
    ],
    [
      'five decimals',
      { name: 'a', event: 'a', value: { amount: '1.00001', currency: 'EUR' } },
      'value.amount out_of_range',
    ],
    [
      'a currency that is none',
      { name: 'a', event: 'a', value: { amount: '1', currency: 'eur' } },
      'value.currency invalid_format',
    ],
    [
      'an unknown field in it',
      { name: 'a', event: 'a', value: { amount: '1', currency: 'EUR', per: 'x' } },
      'value.per unknown_field',
    ],
    ['an unknown field', { name: 'a', event: 'a', colour: 'red' }, 'colour unknown_field'],
  ])('refuses %s', async (_, body, expected) => {
    expect(faultsOf(await create<Fault>(body))).toEqual([400, expected]);
  });

  it('refuses what JSON can say and no store can keep', async () => {
    const send = async (filters: string, path = '/goals'): Promise<number> => {
      const answer = await fetch(`${app.url}/api/v1${path}`, {
        method: 'POST',
        headers: { 'x-api-key': shop.keys.sec, 'content-type': 'application/json' },
        body: `{"name":"Odd","event":"a","filters":${filters}}`,
      });
      return answer.status;
    };
    expect(await send('["is","property:n",[1e999]]')).toBe(400);
    expect(await send(`["is","page",["\\ud800"]]`)).toBe(400);
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect([await send(deep), await send(deep, '/stats/query')]).toEqual([400, 400]);
  });

  it('takes everything at its limits', async () => {
    const page = `/${'x'.repeat(499)}`;
    const value = { property: 'k'.repeat(1_024), currency: 'JPY' };
    expect(await aGoal({ name: 'x'.repeat(100), event: 'e'.repeat(200) })).toMatchObject({ page: null });
    expect(await aGoal({ event: null, page, value })).toMatchObject({ event: null, page, value });
    expect(await aGoal({ event: undefined, page: '**', value: { amount: '-99999999999999.9999', currency: 'USD' } })).toMatchObject({ page: '**' }); // prettier-ignore
  });

  it('makes it once where the request is sent again', async () => {
    const request = {
      key: shop.keys.sec,
      body: { name: 'Once', event: 'once' },
      headers: { 'idempotency-key': randomUUID() },
    };
    const [first, second] = [await ask(app, '/goals', request), await ask(app, '/goals', request)];
    expect([second.status, second.body]).toEqual([201, first.body]);
  });
});

describe('names', () => {
  it('are taken once in a project, capitals counted, and free in another', async () => {
    const { name } = await aGoal({ name: 'Checkout' });
    const again = await create<Fault>({ name, event: 'other' });
    expect([again.status, again.body.code]).toEqual([409, 'goal_name_taken']);
    await aGoal({ name: 'checkout' });
    await aGoal({ name }, await aProject(app));
  });

  it('go to one of those who ask for them at once', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => create({ name: 'Race', event: 'race' })));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409, 409, 409, 409]);
  });

  it('can be changed to what is free alone', async () => {
    const [taken, other] = [await aGoal(), await aGoal()];
    expect((await change<Fault>(other.id, { name: taken.name })).body.code).toBe('goal_name_taken');
    expect((await change(other.id, { name: other.name })).status).toBe(200);
    await ask(app, `/goals/${taken.id}`, { key: shop.keys.sec, method: 'DELETE' });
    expect((await change(other.id, { name: taken.name })).body.name).toBe(taken.name);
  });
});

describe('how many there may be', () => {
  it('is 200 in a project, however many are made at once', async () => {
    const project = await aProject(app);
    const goals = app.app.get(GoalsService);
    const actor = { key: 'root', kind: 'root', ip: '127.0.0.1', requestId: 'test' } as const;
    for (let at = 0; at < 198; at += 1) await goals.create(project.id, { name: `g${at}`, event: 'a' }, actor);
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => create<GoalBody & Fault>({ name, event: 'a' }, project)),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 201, 409, 409]);
    expect(answers.flatMap(({ body }) => body.code ?? [])).toEqual(['too_many_goals', 'too_many_goals']);
    const all = await goals.all(project.id);
    expect(all).toHaveLength(200);
    await ask(app, `/goals/${all[0]?.id}`, { key: project.keys.sec, method: 'DELETE' });
    expect((await create({ name: 'e', event: 'a' }, project)).status).toBe(201);
  });
});

describe('changing a goal', () => {
  it('leaves what is left out, and takes away what is null', async () => {
    const goal = await aGoal({ filters: ['exists', 'page'], value: { property: 'price', currency: 'EUR' } });
    expect((await change(goal.id, {})).body).toEqual({ ...goal, updatedAt: expect.any(String) });
    const named = { ...goal, name: 'Renamed', updatedAt: expect.any(String) };
    expect((await change(goal.id, { name: 'Renamed' })).body).toEqual(named);
    const bare = { ...named, filters: null, value: null };
    expect((await change(goal.id, { filters: null, value: null })).body).toEqual(bare);
    const page = { ...bare, event: null, page: '/thanks' };
    expect((await change(goal.id, { event: null, page: '/thanks' })).body).toEqual(page);
    const read = await ask<GoalBody>(app, `/goals/${goal.id}`, { key: shop.keys.sec });
    expect(read.body).toEqual(page);
    expect(Date.parse(read.body.updatedAt)).toBeGreaterThanOrEqual(Date.parse(goal.createdAt));
  });

  it('refuses what would be no goal, and leaves it as it was', async () => {
    const goal = await aGoal();
    expect(faultsOf(await change<Fault>(goal.id, { page: '/thanks' }))).toEqual([400, 'page not_both']);
    expect(faultsOf(await change<Fault>(goal.id, { event: null }))).toEqual([400, 'event required']);
    expect(faultsOf(await change<Fault>(goal.id, { name: null }))).toEqual([400, 'name required']);
    expect(faultsOf(await change<Fault>(goal.id, { name: goal.id }))).toEqual([400, 'name invalid_form']);
    expect(faultsOf(await change<Fault>(goal.id, { value: { amount: '1' } }))).toEqual([
      400,
      'value.currency required',
    ]);
    expect((await ask(app, `/goals/${goal.id}`, { key: shop.keys.sec })).body).toEqual(goal);
  });

  it('loses none of two changes at once', async () => {
    const goal = await aGoal();
    await Promise.all([change(goal.id, { filters: ['exists', 'page'] }), change(goal.id, { event: 'other' })]);
    const { body } = await ask(app, `/goals/${goal.id}`, { key: shop.keys.sec });
    expect(body).toMatchObject({ filters: ['exists', 'page'], event: 'other' });
  });

  it('is what the next question works with', async () => {
    const goal = await aGoal({ event: undefined, page: '/a/*', value: { amount: '1', currency: 'EUR' } });
    const target = async (): Promise<unknown> => (await app.app.get(GoalsService).all(shop.id)).find(({ id }) => id === goal.id); // prettier-ignore
    const pageview = { kind: 'test', op: 'is', dimension: 'event', values: ['pageview'] };
    const matches = { kind: 'test', op: 'matches', dimension: 'page', values: ['(?s)^/a/[^/]*$'] };
    expect(await target()).toEqual({
      id: goal.id,
      name: goal.name,
      filter: { kind: 'and', filters: [pageview, matches] },
      value: { amount: '1', currency: 'EUR' },
    });
    await change(goal.id, { page: null, event: 'bought', value: null });
    const bought = { kind: 'test', op: 'is', dimension: 'event', values: ['bought'] };
    expect(await target()).toEqual({ id: goal.id, name: goal.name, filter: bought });
  });
});

describe('the list', () => {
  it('is oldest first, and walks every page once while goals come and go', async () => {
    const project = await aProject(app);
    const made: GoalBody[] = [];
    for (let at = 0; at < 5; at += 1) made.push(await aGoal({}, project));
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path: string = `/goals?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body } = await ask<Page>(app, path, { key: project.keys.sec });
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.page.next;
      if (seen.length === 2) await ask(app, `/goals/${seen[1]}`, { key: project.keys.sec, method: 'DELETE' });
      if (seen.length === 4) made.push(await aGoal({}, project));
    }
    expect(seen).toEqual(made.map(({ id }) => id));
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'cursor=x', 'cursor=WzEsIngiXQ', 'page=2', 'limit=1&limit=2'])(
    'refuses ?%s',
    async (query) => {
      expect((await ask(app, `/goals?${query}`, { key: shop.keys.sec })).status).toBe(400);
    },
  );
});

describe('who may', () => {
  it('read goals has stats:read, change them funnels:write; others are told 401 and 403', async () => {
    const goal = await aGoal();
    const reader = await ask<{ key: string }>(app, `/projects/${shop.id}/keys`, {
      key: shop.keys.adm,
      body: { name: 'Reader', kind: 'sec', scopes: ['stats:read'] },
    });
    const statuses = async (key: string | undefined): Promise<number[]> => {
      const by = key === undefined ? {} : { key };
      const answers = [
        await ask(app, '/goals', by),
        await ask(app, `/goals/${goal.id}`, by),
        await ask(app, '/goals', { ...by, body: { name: randomUUID().slice(1), event: 'a' } }),
        await ask(app, `/goals/${goal.id}`, { ...by, method: 'PATCH', body: { event: 'b' } }),
        await ask(app, `/goals/${goal.id}`, { ...by, method: 'DELETE' }),
      ];
      return answers.map(({ status }) => status);
    };
    expect(await statuses(undefined)).toEqual([401, 401, 401, 401, 401]);
    expect(await statuses(shop.keys.pub)).toEqual([403, 403, 403, 403, 403]);
    expect(await statuses(reader.body.key)).toEqual([200, 200, 403, 403, 403]);
    expect(await statuses(shop.keys.adm)).toEqual([200, 200, 201, 200, 204]);
  });

  it('sees no goal of another project', async () => {
    const [goal, other] = [await aGoal(), await aProject(app)];
    const statusOf = async (path: string, method: string, body?: object): Promise<number> =>
      (await ask(app, path, { key: other.keys.adm, method, ...(body === undefined ? {} : { body }) })).status;
    expect(await statusOf(`/goals/${goal.id}`, 'GET')).toBe(404);
    expect(await statusOf(`/goals/${goal.id}`, 'PATCH', { event: 'b' })).toBe(404);
    expect(await statusOf(`/goals/${goal.id}`, 'DELETE')).toBe(404);
    expect((await ask<Page>(app, '/goals', { key: other.keys.adm })).body.data).toEqual([]);
    expect((await ask(app, `/goals/${goal.id}`, { key: shop.keys.sec })).body).toEqual(goal);
  });

  it('asks for what is not there, or deletes it twice, is told 404, and 400 for what is no id', async () => {
    const goal = await aGoal();
    const remove = async (id: string): Promise<number> =>
      (await ask(app, `/goals/${id}`, { key: shop.keys.sec, method: 'DELETE' })).status;
    expect([await remove(goal.id), await remove(goal.id)]).toEqual([204, 404]);
    expect((await change(randomUUID(), { event: 'a' })).status).toBe(404);
    expect((await ask(app, '/goals/nonsense', { key: shop.keys.sec })).status).toBe(400);
  });
});

describe('pages', () => {
  it('are matched by the warehouse as the globs say, whole characters and line ends included', async () => {
    const cases: [string, string, boolean][] = [
      ['/blog/**', '/blog', true],
      ['/blog/**', '/blog/a/b', true],
      ['/blog/**', '/blogs', false],
      ['/a/**/z', '/a/z', true],
      ['/{a,b}/x', '/b/x', true],
      ['/users/{id}', '/users/{id}', true],
      ['/users/{id}', '/users/id', false],
      ['/caf?', '/café', true],
      ['/caf?', '/caféé', false],
      ['/p?', '/p😀', true],
      ['/a*', '/a\nb', true],
      ['/a.b', '/axb', false],
      ['/thanks', '/thanks\n', false],
    ];
    const database = await aClickHouseDatabase();
    const text = (value: string): string => `'${value.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`;
    const said = cases.map(([glob, path]) => `match(materialize(${text(path)}), ${text(globPattern(glob))})`);
    const answer = await askClickHouse(database, `SELECT [${said.join(', ')}] AS said FORMAT JSONCompact`);
    expect(JSON.parse(answer)).toMatchObject({ data: [[cases.map(([, , expected]) => Number(expected))]] });
  });
});
