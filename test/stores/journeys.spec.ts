// Are journeys right? Against the plain-TypeScript reference, over random worlds and questions, on the real engine.
// JOURNEY_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { RollupSnapshots } from '../../src/aggregation';
import type { TimeRange } from '../../src/common/time-range';
import { readEnv, StoreUrls } from '../../src/config/env';
import { parseFilter } from '../../src/events/query';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { JourneysRepository } from '../../src/stats/journeys/journeys.repository';
import type { JourneyQuestion, Journeys, PathRow } from '../../src/stats/journeys/journeys.types';
import { Volumes } from '../../src/stats/volumes';
import { aClickHouseDatabase } from '../support';
import { type Asked, type Found, journeys } from '../support/reference/journeys';
import { type RawEvent, seeEvents } from '../support/reference/statistics';
import { EVENT_COLUMNS, LINK_COLUMNS, linkRowsOf, rowsOf, smallWorld, worldFilter, type World } from '../support/world';

const numRuns = Number(process.env.JOURNEY_RUNS ?? 8);
jest.setTimeout(120_000 + numRuns * 2_000);

let clickhouse: ClickHouse;
let repository: JourneysRepository;
let lastProject = 0;
/** How many events there are, as far as anybody is told. */
let volume = 0;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  const snapshots = {
    of: async (_project: number, _zone: string, range: TimeRange) => ({ cells: [{ ...range, events: volume }] }),
  } as unknown as RollupSnapshots;
  repository = new JourneysRepository(clickhouse, new Volumes(snapshots));
});
afterAll(() => clickhouse.onApplicationShutdown());
afterEach(() => {
  volume = 0;
});

/** A project of its own with a world's events. @returns its number */
async function settle({ blocks, links }: Pick<World, 'blocks' | 'links'>): Promise<number> {
  lastProject += 1;
  const insert = (table: string, columns: readonly string[], body: string): Promise<void> =>
    body === '' ? Promise.resolve() : clickhouse.insert({ table, columns, body, token: randomUUID() });
  await insert('visitor_links', LINK_COLUMNS, linkRowsOf(lastProject, links));
  for (const block of blocks) await insert('events', EVENT_COLUMNS, rowsOf(lastProject, block));
  return lastProject;
}

const RANGE = { from: Date.UTC(2026, 4, 1), to: Date.UTC(2026, 4, 2) };
const USUAL: Asked = { by: 'page', unit: 'session', repeats: 'fold', steps: 5, groups: [] };

const ask = (project: number, more: Partial<JourneyQuestion> = {}): Promise<Journeys> =>
  repository.answer({ project, range: RANGE, limit: 1_000, ...USUAL, ...more }, 'UTC');

/** An answer as the reference gives it, nodes and links in no order. */
const shownOf = ({ total, paths, nodes, links }: Found | Journeys) => ({
  total,
  paths: paths.map(({ path, units }) => [path, units]),
  nodes: new Set(
    nodes.map(({ step, value, units, entries, exits }) => [step, value ?? null, units, entries, exits].join('|')),
  ),
  links: new Set(
    links.map(({ step, source, target, units }) => [step, source ?? null, target ?? null, units].join('|')),
  ),
});

/** One of the values of the worlds, or a glob over them. */
const anchor = (): fc.Arbitrary<string> =>
  fc.constantFrom('/', '/a', '/a/b', '/begin', '/end', '/a/**', '/*', '*', 'A', 'pageview', 'signup', '?ageview', '/1');

const anyQuestion = (): fc.Arbitrary<Asked> =>
  fc
    .record({
      by: fc.constantFrom('page', 'event'),
      unit: fc.constantFrom('visitor', 'session'),
      repeats: fc.constantFrom('fold', 'keep'),
      steps: fc.integer({ min: 2, max: 10 }),
      groups: fc.constantFrom(
        [],
        [],
        [{ glob: '/a/**', name: 'A' }],
        [
          { glob: '/a', name: 'A' },
          { glob: '/{a,begin}/**', name: 'other' },
          { glob: '**', name: "it's \\ 'quoted'" },
        ],
      ),
      anchors: fc.oneof(
        fc.constant({}),
        fc.record({ start: anchor() }),
        fc.record({ end: anchor() }),
        fc.record({ start: anchor(), end: anchor() }),
        fc.record({ around: anchor() }),
      ),
    } as const)
    .map(({ anchors, by, groups, ...rest }) => ({ ...rest, by, groups: by === 'page' ? groups : [], ...anchors }));

it('finds the journeys of the reference for every world and question', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      fc.option(worldFilter(), { nil: undefined }),
      fc.array(anyQuestion(), { minLength: 4, maxLength: 4 }),
      async (world, filter, questions) => {
        const project = await settle(world);
        const all = seeEvents(world.blocks.flat(), world.links);
        const { range } = world;
        for (const asked of questions) {
          const found = await ask(project, { ...asked, range, filter: filter && parseFilter(filter) });
          expect(shownOf(found)).toEqual(shownOf(journeys(all, range, filter, asked)));
        }
      },
    ),
    { numRuns },
  ));

it('leaves out what is older than events are kept, as if it were gone', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      anyQuestion(),
      fc.integer({ min: -26 * 60, max: 50 * 60 }),
      async (world, asked, after) => {
        const project = await settle(world);
        const { range } = world;
        const since = range.from + after * 60_000;
        const kept = world.blocks.flat().filter(({ ts }) => ts >= since);
        const found = await ask(project, { ...asked, range, since });
        expect(shownOf(found)).toEqual(shownOf(journeys(seeEvents(kept, world.links), range, undefined, asked)));
      },
    ),
    { numRuns: Math.ceil(numRuns / 3) },
  ));

it('counts each unit once: entries, exits and links of the picture add up', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), anyQuestion(), async (world, asked) => {
      const project = await settle(world);
      const { total, paths, nodes, links } = await ask(project, { ...asked, range: world.range });
      const sum = (rows: readonly { units: number }[]): number => rows.reduce((all, { units }) => all + units, 0);
      expect(sum(paths)).toBe(total);
      expect(nodes.reduce((all, { entries }) => all + entries, 0)).toBe(total);
      expect(nodes.reduce((all, { exits }) => all + exits, 0)).toBe(total);
      for (const { step, value, units, entries, exits } of nodes) {
        const into = links.filter((link) => link.step === step - 1 && link.target === value);
        const out = links.filter((link) => link.step === step && link.source === value);
        expect([sum(into), sum(out)]).toEqual([units - entries, units - exits]);
      }
    }),
    { numRuns: Math.ceil(numRuns / 2) },
  ));

it('walks the list page by page over every path once, in order', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), anyQuestion(), async (world, asked) => {
      const project = await settle(world);
      const question = { ...asked, range: world.range };
      const { paths } = await ask(project, question);
      const walked: PathRow[] = [];
      for (let after: PathRow | undefined; ; after = walked.at(-1)) {
        const page = (await ask(project, { ...question, limit: 2, after })).paths;
        walked.push(...page.slice(0, 2));
        if (page.length < 3) break;
      }
      expect(walked).toEqual(paths);
    }),
    { numRuns: Math.ceil(numRuns / 3) },
  ));

/** Visitors by the pages that they saw, a minute apart; `!signup` is an event of that name. */
async function visits(walks: readonly (readonly string[])[], gapMs = 60_000): Promise<number> {
  const events = walks.flatMap((walk, who) =>
    walk.map((step, at): RawEvent => {
      const ts = RANGE.from + 1_000 + at * gapMs;
      return {
        id: randomUUID(),
        ts,
        receivedAt: ts,
        seq: at,
        name: step.startsWith('!') ? step.slice(1) : 'pageview',
        visitor: (0xa000000000000000n + BigInt(who)).toString(16),
        user: '',
        session: '',
        path: step.startsWith('!') ? '/' : step,
        country: '',
        properties: {},
        revenue: 0,
        currency: '',
      };
    }),
  );
  return settle({ blocks: [events], links: [] });
}

const pathsOf = async (...question: Parameters<typeof ask>): Promise<string[]> =>
  (await ask(...question)).paths.map(({ path, units }) => `${path.join(' > ')} = ${units}`);

describe('a path', () => {
  let project: number;
  beforeAll(async () => {
    project = await visits([
      ['/', '/', '/a', '/b', '!signup'],
      ['/', '/a', '/', '/a', '/b'],
      ['/a'],
      ['/b', '/a', '/c', '/d', '/e', '/f'],
      ['!signup'],
    ]);
  });

  it('is the first steps, repeats folded into one; one step alone is a path', async () => {
    expect(await pathsOf(project, { steps: 3 })).toEqual([
      '/ > /a > / = 1',
      '/ > /a > /b = 1',
      '/a = 1',
      '/b > /a > /c = 1',
    ]);
  });

  it('keeps repeats where that is asked for', async () => {
    expect(await pathsOf(project, { steps: 2, repeats: 'keep' })).toEqual([
      '/ > / = 1',
      '/ > /a = 1',
      '/a = 1',
      '/b > /a = 1',
    ]);
  });

  it('begins at the first step that `start` means', async () => {
    expect(await pathsOf(project, { steps: 2, start: '/a' })).toEqual([
      '/a = 1',
      '/a > / = 1',
      '/a > /b = 1',
      '/a > /c = 1',
    ]);
    expect(await pathsOf(project, { steps: 2, start: '/[c-z]' })).toEqual([]);
    expect(await pathsOf(project, { steps: 2, start: '/{c,f}' })).toEqual(['/c > /d = 1']);
  });

  it('ends at the first step that `end` means, shorter where less came before', async () => {
    expect(await pathsOf(project, { steps: 3, end: '/b' })).toEqual(['/ > /a > /b = 2', '/b = 1']);
    const { nodes } = await ask(project, { steps: 3, end: '/b' });
    expect([...new Set(nodes.map(({ step }) => step))].toSorted((a, b) => a - b)).toEqual([-2, -1, 0]);
  });

  it('leads from the first start to the first end after it, if it has no more steps than asked for', async () => {
    expect(await pathsOf(project, { steps: 4, start: '/', end: '/b' })).toEqual(['/ > /a > /b = 1']);
    expect(await pathsOf(project, { steps: 5, start: '/', end: '/b' })).toEqual([
      '/ > /a > / > /a > /b = 1',
      '/ > /a > /b = 1',
    ]);
    expect(await pathsOf(project, { steps: 5, start: '/', end: '/' })).toEqual(['/ > /a > / = 1']);
  });

  it('goes around its anchor at the beginning, in the middle and at the end of a walk, the odd step after it', async () => {
    expect(await pathsOf(project, { steps: 4, around: '/a' })).toEqual([
      '/ > /a > / > /a = 1',
      '/ > /a > /b = 1',
      '/a = 1',
      '/b > /a > /c > /d = 1',
    ]);
    expect(await pathsOf(project, { steps: 3, around: '/f' })).toEqual(['/e > /f = 1']);
    const { nodes } = await ask(project, { steps: 3, around: '/a' });
    expect(nodes.filter(({ step }) => step === 0)).toEqual([{ step: 0, value: '/a', units: 4, entries: 1, exits: 1 }]);
  });

  it('goes through events by name', async () => {
    expect(await pathsOf(project, { by: 'event' })).toEqual(['pageview = 3', 'pageview > signup = 1', 'signup = 1']);
  });

  it('shows the name of the first group that a page is of, folded like any value', async () => {
    const groups = [
      { glob: '/', name: 'Home' },
      { glob: '/?', name: 'Letters' },
    ];
    expect(await pathsOf(project, { groups, start: 'Letters' })).toEqual([
      'Letters = 3',
      'Letters > Home > Letters = 1',
    ]);
  });

  it('is cut where a session is: after 30 minutes and a millisecond, not after 30 minutes', async () => {
    expect(await pathsOf(await visits([['/', '/a']], 30 * 60_000))).toEqual(['/ > /a = 1']);
    const cut = await visits([['/', '/a']], 30 * 60_000 + 1);
    expect(await pathsOf(cut)).toEqual(['/ = 1', '/a = 1']);
    expect(await pathsOf(cut, { unit: 'visitor' })).toEqual(['/ > /a = 1']);
  });

  it('is of the first thousand steps of a visitor', async () => {
    const long = await visits([Array.from({ length: 1_001 }, (_, at) => `/${at}`)], 1_000);
    expect(await pathsOf(long, { end: '/999', steps: 2 })).toEqual(['/998 > /999 = 1']);
    expect(await pathsOf(long, { end: '/1000', steps: 2 })).toEqual([]);
  });
});

it('puts the values of a step beyond the fifteenth together, and loses nobody', async () => {
  // Page 0 is seen by twenty visitors, page 19 by one; each goes on to a page of its own.
  const walks = Array.from({ length: 20 }, (_, page) =>
    Array.from({ length: 20 - page }, (_, who) => ['/', `/${page}`, `/${page}/${who}`]),
  );
  const { total, nodes, links } = await ask(await visits(walks.flat()));
  expect(total).toBe(210);
  const second = nodes.filter(({ step }) => step === 1);
  expect(second).toHaveLength(16);
  expect(second.find(({ value }) => value === undefined)).toEqual({
    step: 1,
    value: undefined,
    units: 15,
    entries: 0,
    exits: 0,
  });
  expect(links.find(({ step, target }) => step === 0 && target === undefined)?.units).toBe(15);
  expect(
    links.filter(({ step, source }) => step === 1 && source === undefined).reduce((sum, { units }) => sum + units, 0),
  ).toBe(15);
});

describe('a sample', () => {
  const DAYS = 16;
  const VISITORS = 2_000;
  let project: number;
  beforeAll(async () => {
    lastProject += 1;
    project = lastProject;
    // Each day has visitors of its own: seven of ten see one page, the others two or more.
    await clickhouse.run(`
      INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id, path)
      SELECT ${project}, toDateTime64('2026-05-01 06:00:00', 3, 'UTC') + toIntervalDay(day) + toIntervalSecond(step) AS ts, ts,
        generateUUIDv4(), 'pageview', cityHash64(who, 'v'), concat('/', toString(step))
      FROM (
        SELECT intDiv(number, 4) AS who, number % 4 AS step, intDiv(who, ${VISITORS}) AS day, cityHash64(who, 'n') % 10 AS kind
        FROM numbers(${DAYS * VISITORS} * 4)
        WHERE step = 0 OR kind >= 7 AND step <= kind - 6)`);
  });

  it('says how far its counts can be off, and keeps to it', async () => {
    let within = 0;
    let figures = 0;
    for (let day = 0; day < DAYS; day += 1) {
      const range = { from: RANGE.from + day * 86_400_000, to: RANGE.to + day * 86_400_000 };
      const unit = day % 2 === 0 ? 'session' : 'visitor';
      volume = 8 * 125_000;
      const exact = await ask(project, { unit, range, precision: 'exact' });
      expect([exact.sample, exact.account, exact.total]).toEqual([1, {}, VISITORS]);
      const { sample, account, total, paths } = await ask(project, { unit, range });
      expect([sample, account.sampleFraction, account.approximate]).toEqual([8, 1 / 8, ['total', 'count']]);
      const bounds = account.relativeError ?? {};
      // A bound that holds because it says nothing is no bound.
      expect(Math.max(bounds['total'] ?? 1, bounds['count'] ?? 1)).toBeLessThan(1);
      const truthOf = (path: readonly string[]): number =>
        exact.paths.find((one) => one.path.join() === path.join())?.units ?? 0;
      const off = (units: number, truth: number): number => Math.abs(truth / (units * sample) - 1);
      const held = [
        off(total, VISITORS) <= (bounds['total'] ?? 0),
        ...paths.map(({ path, units }) => off(units, truthOf(path)) <= (bounds['count'] ?? 0)),
      ];
      figures += held.length;
      within += held.filter(Boolean).length;
    }
    expect(figures).toBeGreaterThan(3 * DAYS);
    // 95 of 100 are promised; those of one day go together, so 16 days may have a bad one.
    expect(within / figures).toBeGreaterThan(0.9);
  });

  it('is not taken where all is to be exact, nor of single visitors, and stays the same from page to page', async () => {
    volume = 8 * 125_000;
    expect((await ask(project, { precision: 'exact' })).sample).toBe(1);
    expect((await ask(project, { filter: parseFilter(['isNot', 'visitor', ['0000000000000000']]) })).sample).toBe(1);
    volume *= 4;
    expect((await ask(project, { sample: 8 })).sample).toBe(8);
  });

  it('knows nothing where it holds nobody', async () => {
    volume = 8 * 125_000;
    const { total, account } = await ask(project, { start: '/nowhere' });
    expect([total, account.relativeError]).toEqual([0, { total: 1, count: 1 }]);
  });
});
