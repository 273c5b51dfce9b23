// What does a block of the spool cost that rotted on the disk? Its own events, which are kept aside and told of; never those behind it.
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { countLedger, linesOf } from '../support/chaos-load.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { OwnPostgres } from '../support/own-postgres.mjs';
import { TrialWorld } from '../support/trial-world.mjs';

/** Ways in which a row can be damaged. */
const DAMAGES = [
  'set_byte(body, $2 % octet_length(body), 255 - get_byte(body, $2 % octet_length(body)))',
  'substring(body FROM 1 FOR $2 % octet_length(body))',
];

export const trial = {
  number: 17,
  name: 'damaged-spool',
  load: '20 batches of 50 a second',
  faults: 'ClickHouse away for 10 s; every 4th block of the spool changed or cut at any byte; kill -9',
  async run({ short, note, folder }) {
    const [clickhouse, postgres] = [await OwnClickHouse.start(), await OwnPostgres.start()];
    const env = { CLICKHOUSE_URL: clickhouse.url, DATABASE_URL: postgres.url };
    const world = await TrialWorld.start({ folder, note, rate: 20, env });
    const { server, project, load, ledger } = world;
    world.begin();
    await sleep(1_000);
    await clickhouse.kill();
    await sleep(short ? 4_000 : 10_000);
    load.stop();
    await sleep(1_500);
    await server.kill();
    const rows = await postgres.run('SELECT id, rows FROM ingest_spool ORDER BY id');
    const hit = rows.filter((_, at) => at % 4 === 1);
    for (const [at, { id }] of hit.entries())
      await postgres.run(`UPDATE ingest_spool SET body = ${DAMAGES[at % 2]} WHERE id = $1`, [id, randomInt(1, 1e6)]);
    note(`${hit.length} of ${rows.length} blocks are damaged`);
    world.expect(hit.length > 0, 'no block waited');

    await clickhouse.boot();
    const startMs = await server.boot();
    const waiting = async () =>
      Number((await postgres.run('SELECT count(*) AS n FROM ingest_spool WHERE damaged_at IS NULL'))[0].n);
    const drainBegan = performance.now();
    while ((await waiting()) > 0 && performance.now() - drainBegan < 90_000) await sleep(200);
    const left = await waiting();
    world.expect(left === 0, `${left} blocks wait on behind the damaged ones`);
    const [{ aside, events }] = await postgres.run(
      'SELECT count(*)::int AS aside, coalesce(sum(rows), 0)::int AS events FROM ingest_spool WHERE damaged_at IS NOT NULL',
    );
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const told = Number(/^millrace_spool_damaged_blocks_total(?:\{[^}]*\})? (\S+)/m.exec(metrics)?.[1] ?? 0);
    world.expect(aside > 0 && told === aside, `${aside} blocks were put aside, and ${told} told of`);
    world.expect(aside <= hit.length, 'a whole block was put aside');

    // The acknowledged events of a damaged block can't be had back: they are known, and not among what is held against the server.
    const said = ledger.read();
    const before = await countLedger(server, project, said, { waitMs: 1_000 });
    world.expect(before.lost <= events, `${before.lost} events are missing, and ${events} were put aside`);
    world.lines.push(
      `${aside} of ${hit.length} damaged blocks could not be read and were put aside with ${events} rows: ${before.lost} acknowledged events, told by log and metric; the rest was damaged where it does not matter`,
      `ready ${Math.round(startMs)} ms after the start`,
      ...linesOf(before),
    );
    const lost = Math.max(0, before.lost - events);
    return {
      acknowledged: before.acknowledged,
      lost,
      doubled: before.doubled,
      held: lost + before.doubled + before.foreign + before.refusedButStored === 0 && world.faults.length === 0,
      details: [...world.lines, `answers: ${load.answers}`, ...world.faults],
    };
  },
};
