// Is everything that changes behind the horizon marked, before it is stored and before anybody is told? On real stores.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUrls } from '../../src/config/env';
import { askClickHouse, until } from '../support';
import { aFaultyStore } from '../support/faults';
import { aChangeWorld, anEntry, type ChangeWorld } from './changes.harness';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Noon of a day: what is derived in these tests ends here. */
const CLOSING = Date.UTC(2026, 5, 15, 12);

let world: ChangeWorld;

beforeAll(async () => {
  world = await aChangeWorld();
});
afterAll(() => world.close());

const marked = async (project: number): Promise<[number, number][]> =>
  (await world.marksOf(project)).map(([from, to]) => [from - CLOSING, to - CLOSING]);
const count = async (project: number): Promise<string> =>
  (await askClickHouse(world.urls.clickhouse, `SELECT count() FROM events FINAL WHERE project_id = ${project}`)).trim();
const revision = async (project: number): Promise<number> => {
  const { rows } = await world.db.query<{ revision: string }>(
    'SELECT revision FROM event_horizons WHERE project = $1',
    [project],
  );
  return Number(rows[0]!.revision);
};

describe('events', () => {
  it('at or after the closing write nothing', async () => {
    const project = await world.aProject(CLOSING);
    const writer = world.writer();
    await writer.send([anEntry(project, CLOSING), anEntry(project, CLOSING + DAY)]);
    expect([await marked(project), writer.statements.marks, await count(project)]).toEqual([[], 0, '2']);
  });

  it('of a project with nothing derived write nothing', async () => {
    const project = await world.aProject();
    const writer = world.writer();
    await writer.send([anEntry(project, CLOSING - 9 * DAY)]);
    expect([await marked(project), writer.statements.marks]).toEqual([[], 0]);
  });

  it('before the closing mark their quarter hour, and long before it their day', async () => {
    const project = await world.aProject(CLOSING);
    await world
      .writer()
      .send([-1, -2 * DAY, -2 * DAY - 1, -30 * DAY].map((before) => anEntry(project, CLOSING + before)));
    expect(await marked(project)).toEqual([
      [-30.5 * DAY, -29.5 * DAY],
      [-2.5 * DAY, -1.5 * DAY],
      [-2 * DAY, -2 * DAY + 15 * MINUTE],
      [-15 * MINUTE, 0],
    ]);
    expect(await revision(project)).toBe(1);
  });

  it('are marked before they are stored', async () => {
    const project = await world.aProject(CLOSING);
    const away = await aFaultyStore(world.urls.clickhouse);
    const writer = world.writer({ urls: new StoreUrls(world.urls.postgres, away.url) });
    away.set('refuse');
    await expect(writer.send([anEntry(project, CLOSING - 1)])).rejects.toMatchObject({ kind: 'away' });
    const [[, , ahead] = [0, 0, 0]] = await world.marksOf(project);
    expect([await marked(project), await count(project)]).toEqual([[[-15 * MINUTE, 0]], '0']);
    // The insert's time and a lease of half a minute.
    expect(ahead > 30 && ahead <= 35).toBe(true);
    await away.close();
  });

  it('mark a quarter hour once a lease, however many come', async () => {
    const project = await world.aProject(CLOSING);
    const writer = world.writer();
    for (let block = 0; block < 10; block += 1) await writer.send([anEntry(project, CLOSING - 1 - block)]);
    expect(writer.statements.marks).toBe(1);
    const short = world.writer({ times: { insertMs: 100, marginMs: 100, leaseMs: 200 } });
    await short.send([anEntry(project, CLOSING - 1)]);
    await sleep(300);
    await short.send([anEntry(project, CLOSING - 1)]);
    // The longer one of two marks holds.
    const [[, , ahead] = [0, 0, 0]] = await world.marksOf(project);
    expect([short.statements.marks >= 2, ahead > 5]).toEqual([true, true]);
  });

  it('are late by a closing that was announced a view ago', async () => {
    const project = await world.aProject(CLOSING);
    const writer = world.writer({ times: { viewMs: 300 } });
    await writer.send([anEntry(project, CLOSING)]);
    await world.announce(project, CLOSING + HOUR);
    await sleep(300);
    await writer.send([anEntry(project, CLOSING)]);
    expect(await marked(project)).toEqual([[0, 15 * MINUTE]]);
  });

  it('that took longer than the grace are marked after, by the closing of that moment', async () => {
    const project = await world.aProject(CLOSING);
    const { changes } = world.writer({ times: { viewMs: 100, insertMs: 100, marginMs: 100 } });
    const ticket = await changes.before([{ project, at: CLOSING + 1 }]);
    await world.announce(project, CLOSING + HOUR);
    await sleep(350);
    expect(await marked(project)).toEqual([]);
    await changes.after(ticket);
    expect(await marked(project)).toEqual([[0, 15 * MINUTE]]);
  });

  it('whose mark ended while they were stored are marked again', async () => {
    const project = await world.aProject(CLOSING);
    const { changes } = world.writer({ times: { insertMs: 100, marginMs: 50, leaseMs: 50 } });
    const ticket = await changes.before([{ project, at: CLOSING - 1 }]);
    await sleep(250);
    const [before] = await world.marksOf(project);
    await changes.after(ticket);
    const [after] = await world.marksOf(project);
    expect([before![2] < 0, after![2] > before![2]]).toEqual([true, true]);
  });

  it('of a patient writer mark all they touch, whatever is derived, for as long as it may take', async () => {
    const project = await world.aProject();
    await world.writer().send([anEntry(project, CLOSING)], 300_000);
    const [[, , ahead] = [0, 0, 0]] = await world.marksOf(project);
    expect([(await marked(project)).length, ahead > 300]).toEqual([1, true]);
  });

  it('are counted as pending, where there is a horizon', async () => {
    const [project, other] = [await world.aProject(CLOSING), await world.aProject()];
    const writer = world.writer();
    await writer.send([anEntry(project, CLOSING), anEntry(project, CLOSING - 1), anEntry(other, CLOSING)]);
    await writer.pending.write();
    await writer.send([anEntry(project, CLOSING)]);
    await writer.pending.write();
    const { rows } = await world.db.query(
      'SELECT project, pending::int, pending_since IS NOT NULL AS since FROM event_horizons WHERE project IN ($1, $2)',
      [project, other],
    );
    expect(rows).toEqual([{ project, pending: 3, since: true }]);
  });
});

describe('without Postgres', () => {
  it('events are stored as ever, and what is late is marked when it is back', async () => {
    const project = await world.aProject(CLOSING);
    const postgres = await aFaultyStore(world.urls.postgres);
    const writer = world.writer({
      urls: new StoreUrls(postgres.url, world.urls.clickhouse),
      times: { viewMs: 200, insertMs: 100, marginMs: 100 },
    });
    await writer.send([anEntry(project, CLOSING)]);
    postgres.set('refuse');
    await writer.send([anEntry(project, CLOSING - 1)]);
    // A closing that this writer can't see; what it stores afterwards is late without its knowing.
    await world.announce(project, CLOSING + HOUR);
    await sleep(600);
    const begun = Date.now();
    await writer.send([anEntry(project, CLOSING + 20 * MINUTE), anEntry(project, CLOSING + 2 * HOUR)]);
    expect([await count(project), Date.now() - begun < 3_000]).toEqual(['4', true]);
    expect([await marked(project), writer.changes.owes(project)]).toEqual([[], true]);
    postgres.set('pass');
    expect(
      await until(
        () => marked(project),
        (ranges) => ranges.length === 2,
      ),
    ).toEqual([
      [-15 * MINUTE, 0],
      [15 * MINUTE, 30 * MINUTE],
    ]);
    await until(
      async () => writer.changes.owes(project),
      (owes) => !owes,
    );
    expect(writer.changes.owes(project)).toBe(false);
    await postgres.close();
  });

  it('that hangs, a block waits for a moment only', async () => {
    const project = await world.aProject(CLOSING);
    const postgres = await aFaultyStore(world.urls.postgres);
    const writer = world.writer({ urls: new StoreUrls(postgres.url, world.urls.clickhouse), times: { viewMs: 100 } });
    await writer.send([anEntry(project, CLOSING)]);
    postgres.set('hang');
    await sleep(150);
    const begun = Date.now();
    for (let block = 0; block < 5; block += 1) await writer.send([anEntry(project, CLOSING + block)]);
    expect(Date.now() - begun).toBeLessThan(4_000);
    postgres.set('refuse');
    await postgres.close();
  });

  it('a patient writer stores nothing', async () => {
    const project = await world.aProject(CLOSING);
    const postgres = await aFaultyStore(world.urls.postgres);
    const writer = world.writer({ urls: new StoreUrls(postgres.url, world.urls.clickhouse) });
    postgres.set('refuse');
    await expect(writer.send([anEntry(project, CLOSING)], 300_000)).rejects.toMatchObject({ kind: { status: 503 } });
    expect(await count(project)).toBe('0');
    await postgres.close();
  });
});

it('a process that starts marks what another stored and could not say', async () => {
  const now = Date.now();
  const project = await world.aProject(now);
  const dead = world.writer();
  await world.db.query('UPDATE event_horizons SET closing = NULL WHERE project = $1', [project]);
  const old = now - 9 * DAY;
  await dead.send([anEntry(project, old, { user_id: '9' }), anEntry(project, now - 1), anEntry(project, now + HOUR)]);
  await world.announce(project, now);
  expect(await world.marksOf(project)).toEqual([]);
  await world.writer().sweep.sweep();
  const day = Math.floor(old / DAY) * DAY;
  const quarter = Math.floor((now - 1) / (15 * MINUTE)) * 15 * MINUTE;
  expect((await world.marksOf(project)).map(([from, to]) => [from, to])).toEqual([
    [day, day + DAY],
    [quarter, quarter + 15 * MINUTE],
  ]);
});

describe('links', () => {
  const visitors = async (project: number): Promise<unknown[]> => {
    const { rows } = await world.db.query('SELECT visitor FROM stale_visitors WHERE project = $1', [project]);
    return rows;
  };
  const spread = (writer: ReturnType<ChangeWorld['writer']>, project: number) =>
    until(
      async () => {
        await writer.spreader.spread();
        return marked(project);
      },
      (ranges) => ranges.length > 0,
    );
  const quick = { insertMs: 300, marginMs: 200 };

  it('that are new mark the quarter hours that their visitor had', async () => {
    const project = await world.aProject();
    const writer = world.writer({ times: quick });
    const visitor = { visitor_id: '18446744073709551557' };
    await writer.send([
      anEntry(project, CLOSING - HOUR, visitor),
      anEntry(project, CLOSING - 20 * DAY, visitor),
      anEntry(project, CLOSING - 5 * HOUR, { ...visitor, user_id: '9' }),
      anEntry(project, CLOSING + HOUR, visitor),
      anEntry(project, CLOSING - 7 * HOUR, { visitor_id: '18446744073709551556' }),
    ]);
    await askClickHouse(world.urls.clickhouse, `ALTER TABLE visitor_links DELETE WHERE 1 SETTINGS mutations_sync = 2`);
    await world.announce(project, CLOSING);
    const begun = world.writer({ times: quick });
    await begun.send([anEntry(project, CLOSING + 2 * HOUR, { ...visitor, user_id: '9' })]);
    expect([await visitors(project), await marked(project)]).toEqual([[{ visitor: visitor.visitor_id }], []]);
    expect(await spread(begun, project)).toEqual([
      [-20.5 * DAY, -19.5 * DAY],
      [-HOUR, -HOUR + 15 * MINUTE],
    ]);
    expect(await visitors(project)).toEqual([]);
  });

  it('that are known already, in another process too, write nothing', async () => {
    const project = await world.aProject(CLOSING);
    const seen = (at: number) => anEntry(project, at, { visitor_id: '71', user_id: '9' });
    await world.writer().send([seen(CLOSING)]);
    const links = () =>
      askClickHouse(world.urls.clickhouse, `SELECT count() FROM visitor_links WHERE project_id = ${project}`);
    const before = await links();
    const other = world.writer();
    await other.send([seen(CLOSING)]);
    await other.send([seen(CLOSING + 1)]);
    expect([other.statements.visitors, await links()]).toEqual([0, before]);
  });

  it('of another user count where they are earlier, and then reach as far as sessions do', async () => {
    const project = await world.aProject(CLOSING);
    const writer = world.writer({ times: quick });
    const of = (user: string, at: number) => anEntry(project, at, { visitor_id: '72', user_id: user });
    await writer.send([anEntry(project, CLOSING + 5, { visitor_id: '72' }), of('9', CLOSING + 10)]);
    const noted = writer.statements.visitors;
    await writer.send([of('8', CLOSING + 20)]);
    expect(writer.statements.visitors).toBe(noted);
    await world.announce(project, CLOSING + HOUR);
    await world.db.query('DELETE FROM stale_visitors WHERE project = $1', [project]);
    await writer.send([of('8', CLOSING + 9)]);
    expect(await visitors(project)).toHaveLength(1);
    expect(await spread(writer, project)).toEqual([[-30 * MINUTE, 45 * MINUTE]]);
  });

  it('are noted before they are stored', async () => {
    const project = await world.aProject(CLOSING);
    const away = await aFaultyStore(world.urls.clickhouse);
    const { changes } = world.writer();
    const ticket = await changes.before([{ project, at: CLOSING }]);
    await changes.linking([{ project, visitor: '7' }], ticket);
    expect(await visitors(project)).toEqual([{ visitor: '7' }]);
    await away.close();
  });
});

it('a twin that goes takes the quarter hours of its neighbours with it', async () => {
  const project = await world.aProject(CLOSING);
  const writer = world.writer();
  const id = randomUUID();
  const [first, second] = [CLOSING - 3 * HOUR, CLOSING - 20 * HOUR];
  const since = Date.now();
  await writer.send([anEntry(project, first, { event_id: id })]);
  await writer.send([anEntry(project, second, { event_id: id })]);
  await world.db.query('DELETE FROM stale_ranges WHERE project = $1', [project]);
  expect(await writer.store.settleSince(since)).toBe(1);
  const around = (at: number) => [at - CLOSING - 30 * MINUTE, at - CLOSING + 45 * MINUTE];
  expect(await marked(project)).toEqual([around(second), around(first)]);
  expect(
    await until(
      () => count(project),
      (left) => left === '1',
    ),
  ).toBe('1');
});
