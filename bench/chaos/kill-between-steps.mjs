// Is anything lost or counted twice when the server dies between two steps of a block's life? Proxies before both stores stop time at each of
// them: `kill -9` comes when a statement has arrived and is not passed on, or when it is committed and nobody has been told.
import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aBatch } from '../support/chaos-load.mjs';
import { atEnd } from '../support/clean.mjs';
import { clickhouseShim } from '../support/clickhouse-shim.mjs';
import { postgresShim } from '../support/postgres-shim.mjs';
import { root, Server } from '../support/server.mjs';
import { percentile } from '../support/percentile.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

const ROUNDS = 2;
const MET_WITHIN_MS = 90_000;
const READ_ONLY = { code: 242, type: 'TABLE_IS_READ_ONLY' };

/** Each step: the store whose statement it is, which one, on which side of it the end comes, and whether the spool is part of the way. */
const STEPS = [
  { name: 'links arrive', table: 'visitor_links', side: 'before' },
  { name: 'links are stored', table: 'visitor_links', side: 'after' },
  { name: 'events arrive', table: 'events', side: 'before' },
  { name: 'events are stored', table: 'events', side: 'after' },
  { name: 'refused events arrive', table: 'rejected_events', side: 'before' },
  { name: 'refused events are stored', table: 'rejected_events', side: 'after' },
  { name: 'a block arrives at the spool', statement: /insert into "ingest_spool"/i, side: 'before', spool: 'fills' },
  { name: 'a block is in the spool', statement: /insert into "ingest_spool"/i, side: 'after', spool: 'fills' },
  { name: 'a block of the spool is stored', table: 'events', side: 'after', spool: 'drains' },
  { name: 'a block is to leave the spool', statement: /delete from "ingest_spool"/i, side: 'before', spool: 'drains' },
  { name: 'a block has left the spool', statement: /delete from "ingest_spool"/i, side: 'after', spool: 'drains' },
];
const QUICK = ['events are stored', 'a block is in the spool', 'a block is to leave the spool'];

/** Both stores, in the hands of this trial: they outlive the server. */
async function ownStores(folder) {
  const built = (path) => createRequire(import.meta.url)(join(root, 'dist', path));
  const { startEmbeddedStores } = built('embedded/stores.js');
  const { makeLogger } = built('platform/logging/logger.js');
  const env = { DATA_DIR: folder, EMBEDDED_STORES: 'own', CLICKHOUSE_MEMORY_MB: 0 };
  const stores = await startEmbeddedStores(env, makeLogger('error'), (reason) => {
    throw reason;
  });
  atEnd(() => stores.close());
  return stores.urls;
}

/** Batches with everything that a block can hold: links, and more often than not an event that is refused. */
const aFullBatch = (size) => {
  const batch = aBatch(size).map((event, at) =>
    at % 3 === 0 ? { ...event, userId: `user-${randomInt(5_000)}` } : event,
  );
  if (randomInt(2) === 0) batch[randomInt(size)].name = '';
  return batch;
};

export const trial = {
  number: 8,
  name: 'kill-between-steps',
  load: '4 lanes, batches of 20',
  faults: `kill -9 of the server at ${STEPS.length} points of a block's life, ${ROUNDS} times each`,
  async run({ short, note, folder }) {
    const urls = await ownStores(join(folder, 'stores'));
    const clickhouse = await clickhouseShim(urls.clickhouse);
    const postgres = await postgresShim(urls.postgres);
    const server = await Server.start({ CLICKHOUSE_URL: clickhouse.url, DATABASE_URL: postgres.url });
    const world = await TrialWorld.start({ folder, note, server, lanes: 4, batch: 20, make: aFullBatch });
    const { load } = world;
    const spooled = () => load.kept.get(202) ?? 0;
    const come = async (met, what) => {
      if (!(await until(met, MET_WITHIN_MS, 5))) throw new Error(`nothing came to the point where ${what}`);
    };

    /** Ends the server at a step, once. */
    const endAt = async ({ name, table, statement, side, spool }) => {
      let ended = false;
      const end = async () => {
        if (ended) return;
        ended = true;
        await server.kill();
      };
      const isIt = (seen) => !ended && seen.kind === 'insert' && seen.table === table;
      const readOnly = ({ kind }) => (kind === 'insert' ? READ_ONLY : undefined);
      if (spool !== undefined) {
        const before = spooled();
        clickhouse.decide = readOnly;
        if (spool === 'drains') await come(() => spooled() > before, 'something waits in the spool');
      }
      if (statement !== undefined) {
        const held = async () => {
          await end();
          throw new Error('it does not come to that');
        };
        postgres.watch(statement, side === 'before' ? { before: held } : { after: end });
        if (spool === 'drains') clickhouse.decide = () => undefined;
      } else {
        clickhouse.decide = async (seen) => {
          if (side !== 'before' || !isIt(seen)) return undefined;
          await end();
          return 'refuse';
        };
        clickhouse.answered = async (seen) => {
          if (side === 'after' && isIt(seen)) await end();
        };
      }
      await come(() => ended, name);
      await come(() => !server.isRunning, name);
      clickhouse.decide = () => undefined;
      clickhouse.answered = () => undefined;
      postgres.forget();
    };

    world.begin();
    const steps = STEPS.filter(({ name }) => !short || QUICK.includes(name));
    const readyMs = [];
    for (let round = 1; round <= (short ? 1 : ROUNDS); round++)
      for (const step of steps) {
        await sleep(randomInt(50, 300));
        await endAt(step);
        readyMs.push(await server.boot());
        note(`round ${round}: ended as ${step.name}; ready after ${seconds(readyMs.at(-1))}`);
      }
    await sleep(500);
    const counted = await world.end();
    world.lines.push(
      `${readyMs.length} ends: as ${steps.map(({ name }) => name).join(', ')}`,
      `ready again after ${seconds(percentile(readyMs, 0.5))} as a rule, ${seconds(Math.max(...readyMs))} at most; the stores stayed`,
    );
    return world.verdict(counted, short ? { faults: `kill -9 at ${steps.length} points of a block's life` } : {});
  },
};
