// Do two projects ever see anything of each other, whatever both write? Random writes of both, mixed, under the same ids and names; then each reads everything.
import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { aProject, ask, startTestApp, type AProject, type TestApp } from '../support';

jest.setTimeout(600_000);

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

/** Something that either project writes. What is a number is a choice out of few, so that both choose the same. */
type Write = { readonly by: 0 | 1 } & (
  | { readonly does: 'send'; readonly events: readonly { id: number; visitor: number; user: number | undefined }[] }
  | { readonly does: 'identify'; readonly user: number; readonly visitor: number }
  | { readonly does: 'goal' | 'funnel'; readonly name: number }
);

const few = fc.integer({ min: 0, max: 3 });
const by = fc.constantFrom(0 as const, 1 as const);
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      by,
      does: fc.constant('send' as const),
      events: fc.array(
        fc.record({ id: fc.integer({ min: 0, max: 9 }), visitor: few, user: fc.option(few, { nil: undefined }) }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ by, does: fc.constant('identify' as const), user: few, visitor: few }) },
  { weight: 2, arbitrary: fc.record({ by, does: fc.constantFrom('goal' as const, 'funnel' as const), name: few }) },
);

/** One of the two: what it wrote, as far as an answer must show it. `mark` stands in all of its texts. */
class Tenant {
  readonly mark = `of${randomBytes(5).toString('hex')}`;
  readonly events = new Set<string>();
  readonly goals = new Set<string>();
  readonly funnels = new Set<string>();

  constructor(
    readonly project: AProject,
    private readonly ids: readonly string[],
    private readonly timestamp: string,
  ) {}

  async do(write: Write): Promise<void> {
    switch (write.does) {
      case 'send':
        return this.#send(write.events);
      case 'identify': {
        const body = {
          userId: `user ${write.user}`,
          visitorId: `visitor ${write.visitor}`,
          traits: { mark: this.mark },
        };
        return this.#post('/visitors/identify', body, 200);
      }
      case 'goal':
        return this.#create(this.goals, '/goals', write.name, { event: this.mark });
      default:
        return this.#create(this.funnels, '/funnels', write.name, { steps: [{ event: 'a' }, { event: this.mark }] });
    }
  }

  async #send(wish: readonly { id: number; visitor: number; user: number | undefined }[]): Promise<void> {
    const events = wish.map(({ id, visitor, user }) => ({
      id: this.ids[id],
      name: this.mark,
      timestamp: this.timestamp,
      visitorId: `visitor ${visitor}`,
      ...(user === undefined ? {} : { userId: `user ${user}` }),
      url: `https://shop.example/${this.mark}?utm_source=${this.mark}`,
      properties: { [this.mark]: this.mark, plan: this.mark },
    }));
    const known = this.events.size;
    for (const { id = '' } of events) this.events.add(id);
    const { status, body } = await ask(app, '/events/batch', { key: this.project.keys.sec, body: { events } });
    // The other's ids are no duplicates here, however often the other one sent them.
    expect([status, body['accepted']]).toEqual([200, this.events.size - known]);
  }

  async #create(names: Set<string>, path: string, choice: number, more: object): Promise<void> {
    const name = `name ${choice}`;
    await this.#post(path, { ...more, name }, names.has(name) ? 409 : 201);
    names.add(name);
  }

  async #post(path: string, body: object, expected: number): Promise<void> {
    const answer = await ask(app, path, { key: this.project.keys.sec, body });
    expect([path, answer.status]).toEqual([path, expected]);
  }
}

const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

/** Every read that lists or counts, with all that there is in its range. */
const reads = (range: string): string[] => [
  `/events?${range}&limit=1000`,
  `/events/export?${range}&format=csv`,
  `/events/summary?${range}`,
  `/events/properties?${range}`,
  `/events/properties/plan/values?${range}`,
  `/events/rejected?${range}`,
  `/visitors?${range}&limit=1000`,
  `/sessions?${range}&limit=1000`,
  `/stats/breakdown/event?${range}`,
  `/stats/pages?${range}`,
  `/stats/journeys?${range}&by=event`,
  '/realtime',
  '/goals?limit=1000',
  '/funnels?limit=1000',
  '/alerts',
  '/audit?limit=1000',
];

it('shows each of two projects all of its own and nothing of the other’s', () =>
  fc.assert(
    fc.asyncProperty(fc.array(write, { minLength: 4, maxLength: 14 }), async (writes) => {
      const ids = Array.from({ length: 10 }, () => randomUUID());
      const timestamp = new Date().toISOString();
      const tenants = [
        new Tenant(await aProject(app), ids, timestamp),
        new Tenant(await aProject(app), ids, timestamp),
      ] as const;
      // Each writes in its own order; both write at the same time.
      await Promise.all(
        tenants.map(async (tenant, at) => {
          for (const each of writes.filter((one) => one.by === at)) await tenant.do(each);
        }),
      );
      const range = `from=${day(-1)}&to=${day(1)}`;
      for (const [at, tenant] of tenants.entries()) await agrees(tenant, tenants[at === 0 ? 1 : 0], range);
    }),
    { numRuns: 4 },
  ));

async function agrees(tenant: Tenant, other: Tenant, range: string): Promise<void> {
  const { adm } = tenant.project.keys;
  await Promise.all(
    reads(range).map(async (path) => {
      const answer = await fetch(`${app.url}/api/v1${path}`, { headers: { 'x-api-key': adm } });
      const text = await answer.text();
      const theirs = [other.mark, other.project.id, other.project.name].filter((word) => text.includes(word));
      expect([path, answer.status, theirs]).toEqual([path, 200, []]);
    }),
  );
  const idsAt = async (path: string, field: string): Promise<string[]> => {
    const { body } = await ask<{ data: Record<string, string>[] }>(app, path, { key: adm });
    return body.data.map((row) => row[field] ?? '').sort();
  };
  expect(await idsAt(`/events?${range}&limit=1000`, 'id')).toEqual([...tenant.events].sort());
  expect(await idsAt('/goals?limit=1000', 'name')).toEqual([...tenant.goals].sort());
  expect(await idsAt('/funnels?limit=1000', 'name')).toEqual([...tenant.funnels].sort());
  const { body } = await ask<{ data: { events: number } }>(app, `/stats/overview?${range}`, { key: adm });
  expect(body.data.events).toBe(tenant.events.size);
}
