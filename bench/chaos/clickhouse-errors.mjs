// What happens when the warehouse answers, but not what was asked for? Every kind of failure that ClickHouse and what stands before it know.
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFigures, wrongFigures } from '../support/chaos-watch.mjs';
import { clickhouseShim } from '../support/clickhouse-shim.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

/** What is answered, or done instead. */
const KINDS = {
  'TOO_MANY_PARTS (252)': { code: 252, type: 'TOO_MANY_PARTS' },
  'MEMORY_LIMIT_EXCEEDED (241) of a query': {
    code: 241,
    type: 'MEMORY_LIMIT_EXCEEDED',
    text: 'Memory limit (for query) exceeded: would use 1.00 GiB',
  },
  'MEMORY_LIMIT_EXCEEDED (241) of the server': {
    code: 241,
    type: 'MEMORY_LIMIT_EXCEEDED',
    text: 'Memory limit (total) exceeded: would use 8.00 GiB',
  },
  'TABLE_IS_READ_ONLY (242)': { code: 242, type: 'TABLE_IS_READ_ONLY' },
  'TIMEOUT_EXCEEDED (159)': { code: 159, type: 'TIMEOUT_EXCEEDED', status: 408 },
  'TOO_MANY_SIMULTANEOUS_QUERIES (202)': { code: 202, type: 'TOO_MANY_SIMULTANEOUS_QUERIES' },
  'NOT_ENOUGH_SPACE (243)': { code: 243, type: 'NOT_ENOUGH_SPACE' },
  'KEEPER_EXCEPTION (999)': { code: 999, type: 'KEEPER_EXCEPTION' },
  'AUTHENTICATION_FAILED (516)': { code: 516, type: 'AUTHENTICATION_FAILED', status: 403 },
  'an error without a name': { code: 9_999, type: 'NOBODY_KNOWS' },
  'a 500 without a code': { gateway: 500 },
  'a 502 of a proxy': { gateway: 502 },
  'a connection that breaks': 'refuse',
  'a request that is cut in the middle': 'cut-request',
  'an answer that is lost': 'cut-answer',
  'an answer that is cut in the middle': 'half-answer',
};
/** One event in 2,048 is never taken by ClickHouse, so that blocks are stored in halves while things break. */
const POISON = /-8000-[0-9a-f]{9}[7f]33"/;
const DATA = { code: 27, type: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', status: 400 };
const poison = ({ table, body }) => (table === 'events' && POISON.test(body.toString('latin1')) ? DATA : undefined);
/** Of the same failures, those that hit one insert in two or so: blocks then come in by both ways at once. */
const SHARE = 0.5;
const HITS = 6;
/** Time enough for so many, on any machine. */
const LIMIT_MS = 30_000;

export const trial = {
  number: 11,
  name: 'clickhouse-errors',
  load: '20 batches of 50 a second',
  faults: `${Object.keys(KINDS).length} kinds of failure from ClickHouse, each of all statements, of half of them, and of inserts alone; one event in 2,048 is never taken`,
  async run({ short, note, folder }) {
    const clickhouse = await OwnClickHouse.start();
    const shim = await clickhouseShim(clickhouse.url, poison);
    const world = await TrialWorld.start({ folder, note, rate: 20, env: { CLICKHOUSE_URL: shim.url } });
    const { server, project, load } = world;
    world.begin();
    await sleep(1_000);
    const figures = watchFigures(server, project, load).start();
    const kinds = Object.entries(KINDS).filter((_, at) => !short || at % 5 === 0);
    let failed = 0;
    for (const [name, action] of kinds) {
      const before = load.kept.get(202) ?? 0;
      let hits = 0;
      const hit = () => {
        hits += 1;
        return action;
      };
      for (const decide of [
        // The probe that asks whether ClickHouse is back is a SELECT too.
        hit,
        () => (Math.random() < SHARE ? hit() : undefined),
        ({ kind }) => (kind === 'insert' ? hit() : undefined),
      ]) {
        shim.decide = (seen) => decide(seen) ?? poison(seen);
        const enough = hits + HITS / 3;
        await until(() => hits >= enough, LIMIT_MS);
      }
      shim.decide = poison;
      failed += hits;
      world.expect(hits > 2, `hardly anything met ${name}`);
      note(`${name}: ${hits} times; ${(load.kept.get(202) ?? 0) - before} batches went to the spool`);
      await sleep(300);
    }
    await figures.stop();
    const healed = performance.now();
    const counted = await world.end();

    world.faults.push(...wrongFigures(figures, { limits: true }));
    world.expect(load.unanswered === 0 && load.refused.size === 0, `events were not taken: ${load.answers}`);
    world.lines.push(
      `${failed} statements met ${kinds.length} kinds of failure; all was readable ${seconds(performance.now() - healed)} after the last one, the count included`,
      `events answered within ${Math.round(load.percentile(0.99))} ms (p99), ${Math.round(load.percentile(1))} ms at most`,
      `figures: ${figures.line}`,
    );
    return world.verdict(counted, short ? { faults: `${kinds.length} kinds of failure from ClickHouse` } : {});
  },
};
