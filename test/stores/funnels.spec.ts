// Do saved funnels keep what they were told, under their names, and every revision of it?
import { randomUUID } from 'node:crypto';
import { GoalsService } from '../../src/goals';
import type { Problem } from '../../src/common/problem';
import { definitionOf } from '../../src/funnels/funnel.definition';
import { tooManyFunnels } from '../../src/funnels/funnels.errors';
import { FunnelsRepository } from '../../src/funnels/funnels.repository';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

interface Fault {
  code: string;
  errors?: { path: string; code: string }[];
}
interface Funnel {
  id: string;
  name: string;
  revision: number;
  steps: Record<string, unknown>[];
  window: number;
  mode: string;
  createdAt: string;
  updatedAt: string;
}
interface List<T> {
  data: T[];
  page: { next: string | null };
}

const faultsOf = ({ status, body }: Answer<unknown>): string => {
  const { code, errors = [] } = body as Fault;
  return [status, ...(errors.length === 0 ? [code] : errors.map((fault) => `${fault.path} ${fault.code}`))].join(' ');
};

const STEPS = [{ event: 'signup' }, { event: 'purchase' }];
const funnel = (more: Record<string, unknown> = {}) => ({ name: 'Shop', steps: STEPS, ...more });
const post = (project: AProject, body: unknown, headers: Record<string, string> = {}) =>
  ask<Funnel>(app, '/funnels', { key: project.keys.sec, body, headers });
const patch = (project: AProject, id: string, body: unknown) =>
  ask<Funnel>(app, `/funnels/${id}`, { key: project.keys.sec, method: 'PATCH', body });
const get = <T = Funnel>(project: AProject, path: string) => ask<T>(app, `/funnels${path}`, { key: project.keys.sec });

describe('a saved funnel', () => {
  it('has defaults for all but its name and its steps', async () => {
    const project = await aProject(app);
    const { status, body } = await post(project, funnel());
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'Shop',
      revision: 1,
      steps: [
        { event: 'signup', optional: false },
        { event: 'purchase', optional: false },
      ],
      mode: 'ordered',
      window: 86_400,
      countBy: 'visitor',
      exclusions: [],
      holdConstant: [],
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: body.createdAt,
    });
    expect((await get(project, `/${body.id}`)).body).toEqual(body);
  });

  it('comes back as it was sent, and can be sent back', async () => {
    const project = await aProject(app);
    const wish = {
      name: 'Everything',
      steps: [
        { name: 'In', page: '/blog/**', filters: ['is', 'country', ['DE', 'AT']], optional: false },
        { event: 'signup', filters: ['gt', 'property:price', [12.5]], optional: true },
        { event: 'purchase', optional: false },
      ],
      mode: 'strict',
      window: 31_622_400,
      countBy: 'session',
      exclusions: [{ page: '/help', filters: ['not', ['exists', 'referrer']], fromStep: 1, toStep: 3 }],
      holdConstant: ['plan', 'Größe'],
    };
    const { body } = await post(project, wish);
    expect(body).toMatchObject(wish);
    const { revision, name, steps, window } = (await patch(project, body.id, wish)).body;
    expect({ revision, name, steps, window }).toEqual({
      revision: 1,
      name: wish.name,
      steps: wish.steps,
      window: wish.window,
    });
  });

  it('is made once when it is sent again', async () => {
    const project = await aProject(app);
    const headers = { 'idempotency-key': randomUUID() };
    const first = await post(project, funnel(), headers);
    const again = await post(project, funnel(), headers);
    expect([again.status, again.body]).toEqual([201, first.body]);
  });

  it('has a name of its own in its project', async () => {
    const [project, other] = [await aProject(app), await aProject(app)];
    await post(project, funnel());
    const second = await post(project, funnel({ name: 'Second' }));
    expect(faultsOf(await post(project, funnel({ name: ' Shop ' })))).toBe('409 funnel_name_taken');
    expect(faultsOf(await patch(project, second.body.id, { name: 'Shop' }))).toBe('409 funnel_name_taken');
    expect((await post(other, funnel())).status).toBe(201);
  });

  it('is gone after it was deleted, and its name is free', async () => {
    const project = await aProject(app);
    const { body } = await post(project, funnel());
    const gone = await ask(app, `/funnels/${body.id}`, { key: project.keys.sec, method: 'DELETE' });
    expect([gone.status, gone.body]).toEqual([204, undefined]);
    expect((await get(project, `/${body.id}`)).status).toBe(404);
    expect((await get(project, `/${body.id}/revisions`)).status).toBe(404);
    expect((await post(project, funnel())).status).toBe(201);
  });

  it('is nothing to another project, nor to a key without the scope', async () => {
    const [project, other] = [await aProject(app), await aProject(app)];
    const { body } = await post(project, funnel());
    const statuses = await Promise.all([
      get(other, `/${body.id}`),
      patch(other, body.id, { name: 'Mine' }),
      ask(app, `/funnels/${body.id}`, { key: other.keys.sec, method: 'DELETE' }),
      ask(app, '/funnels', { key: project.keys.pub }),
      ask(app, '/funnels', { key: project.keys.pub, body: funnel({ name: 'Theirs' }) }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 404, 403, 403]);
  });

  it('names goals by id, so that they may get other names', async () => {
    const project = await aProject(app);
    const goal = await ask<{ id: string }>(app, '/goals', {
      key: project.keys.sec,
      body: { name: 'Signed up', event: 'signup' },
    });
    expect(goal.status).toBe(201);
    const { body } = await post(project, funnel({ steps: [{ goal: 'Signed up' }, { event: 'purchase' }] }));
    expect(body.steps[0]).toEqual({ goal: goal.body.id, optional: false });
    const known = await app.app.get(GoalsService, { strict: false }).all(project.id);
    expect(known.map(({ id }) => id)).toEqual([goal.body.id]);
    expect(faultsOf(await post(project, funnel({ name: 'B', steps: [{ goal: 'None' }, { event: 'a' }] })))).toBe(
      '400 steps.0.goal unknown_goal',
    );
  });
});

describe('revisions', () => {
  it('are made by changes of what is looked for, not by a name', async () => {
    const project = await aProject(app);
    const { body } = await post(project, funnel());
    const renamed = await patch(project, body.id, { name: 'Shop 2' });
    expect([renamed.body.name, renamed.body.revision]).toEqual(['Shop 2', 1]);
    expect((await patch(project, body.id, { window: 86_400 })).body.revision).toBe(1);
    expect((await patch(project, body.id, {})).body.revision).toBe(1);
    const changed = await patch(project, body.id, { window: 60, steps: [...STEPS, { event: 'review' }] });
    expect([changed.body.revision, changed.body.window, changed.body.steps.length]).toEqual([2, 60, 3]);
    const { data, page } = (await get<List<Funnel>>(project, `/${body.id}/revisions`)).body;
    expect(data.map(({ revision, window, steps }) => [revision, window, steps.length])).toEqual([
      [1, 86_400, 2],
      [2, 60, 3],
    ]);
    expect(page).toEqual({ next: null });
    const first = (await get<List<Funnel>>(project, `/${body.id}/revisions?limit=1`)).body;
    expect(
      (await get<List<Funnel>>(project, `/${body.id}/revisions?limit=1&cursor=${first.page.next}`)).body.data,
    ).toEqual(data.slice(1));
  });

  it('are not lost where changes come at once', async () => {
    const project = await aProject(app);
    const { body } = await post(project, funnel());
    const changes = Array.from({ length: 12 }, (_, at) => patch(project, body.id, { window: at + 1 }));
    const revisions = (await Promise.all(changes)).map((answer) => answer.body.revision);
    expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, at) => at + 2));
    const { data } = (await get<List<Funnel>>(project, `/${body.id}/revisions`)).body;
    expect(
      data
        .slice(1)
        .map(({ window }) => window)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
    expect((await get(project, `/${body.id}`)).body.window).toBe(data.at(-1)?.window);
  });

  it('are checked as a whole: what stays must fit what changes', async () => {
    const project = await aProject(app);
    const steps = [...STEPS, { event: 'review', optional: true }];
    const { body } = await post(project, funnel({ steps, exclusions: [{ event: 'refund', fromStep: 1, toStep: 3 }] }));
    expect(faultsOf(await patch(project, body.id, { mode: 'any' }))).toBe('400 steps.2.optional optional_in_any');
    expect(faultsOf(await patch(project, body.id, { steps: STEPS }))).toBe('400 exclusions.0.toStep out_of_range');
    expect((await get(project, `/${body.id}`)).body).toEqual(body);
  });
});

describe('the list of funnels', () => {
  it('is oldest first and can be walked', async () => {
    const project = await aProject(app);
    for (const name of ['c', 'a', 'b']) await post(project, funnel({ name }));
    const names: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: Answer<List<Funnel>> = await get(project, `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      names.push(...body.data.map(({ name }) => name));
      cursor = body.page.next;
    }
    expect(names).toEqual(['c', 'a', 'b']);
    expect(faultsOf(await get(project, '?cursor=bm9uZQ'))).toBe('400 cursor invalid_cursor');
  });

  it('holds as many as it may and not one more, whoever comes last', async () => {
    const project = await aProject(app);
    const repository = app.app.get(FunnelsRepository, { strict: false });
    const definition = definitionOf({ steps: STEPS });
    const made = await Promise.allSettled(
      ['u', 'v', 'w', 'x', 'y', 'z'].map((name) =>
        repository.insert(project.id, randomUUID(), { name, definition }, 4, Date.now(), async () => undefined),
      ),
    );
    const refused = made.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Problem).kind] : []));
    expect(refused).toEqual([tooManyFunnels.kind, tooManyFunnels.kind]);
    expect((await get<List<Funnel>>(project, '')).body.data).toHaveLength(4);
  });
});

describe('what is not a funnel', () => {
  it.each([
    [{ steps: [{ event: 'a' }] }, 'steps too_few_items'],
    [{ steps: Array.from({ length: 21 }, () => ({ event: 'a' })) }, 'steps too_many_items'],
    [{ steps: [{ event: 'a' }, 'b'] }, 'steps invalid_item'],
    [{ steps: [{ event: 'a' }, { event: 'b', page: '/' }] }, 'steps.1 ambiguous_target'],
    [{ steps: [{ event: 'a' }, {}] }, 'steps.1 ambiguous_target'],
    [{ steps: [{ event: 'a', optional: true }, { event: 'b' }] }, 'steps.0.optional first_step_optional'],
    [{ steps: [{ event: 'a' }, { event: 'b', nmae: 'B' }] }, 'steps.1.nmae unknown_field'],
    [
      { steps: [{ event: 'a' }, { event: 'b', filters: ['is', 'shoe', ['b']] }] },
      'steps.1.filters[1] unknown_dimension',
    ],
    [
      { steps: [{ event: 'a' }, { event: 'b', filters: ['is', 'goal', ['None']] }] },
      'steps.1.filters[2][0] unknown_goal',
    ],
    [{ mode: 'sorted' }, 'mode not_allowed'],
    [{ window: 0 }, 'window out_of_range'],
    [{ window: 31_622_401 }, 'window out_of_range'],
    [{ exclusions: [{ event: 'x', fromStep: 2, toStep: 2 }] }, 'exclusions.0.fromStep out_of_range'],
    [{ exclusions: [{ event: 'x', fromStep: 1, toStep: 3 }] }, 'exclusions.0.toStep out_of_range'],
    [{ holdConstant: ['a', 'b', 'c', 'd'] }, 'holdConstant too_many_items'],
    [{ holdConstant: [''] }, 'holdConstant invalid_item'],
    [{ name: ' ' }, 'name too_short'],
    [{ revision: 2 }, 'revision unknown_field'],
  ])('%j is refused', async (wrong, fault) => {
    const project = await aProject(app);
    expect(faultsOf(await post(project, funnel(wrong)))).toBe(`400 ${fault}`);
  });

  it('is refused where a number is too large to be kept', async () => {
    const project = await aProject(app);
    const text = '{"name":"N","steps":[{"event":"a"},{"event":"b","filters":["is","property:n",[1e999]]}]}';
    const answer = await fetch(`${app.url}/api/v1/funnels`, {
      method: 'POST',
      headers: { 'x-api-key': project.keys.sec, 'content-type': 'application/json' },
      body: text,
    });
    expect([answer.status, ((await answer.json()) as Fault).errors?.[0]?.path]).toEqual([400, 'steps.1.filters[2][0]']);
  });
});
