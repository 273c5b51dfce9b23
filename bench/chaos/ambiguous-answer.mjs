// Is an event counted twice when the warehouse took it and its answer is lost? The server can't know, and neither can its client.
import { clickhouseShim } from '../support/clickhouse-shim.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { Server } from '../support/server.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

const CUTS = 200;
/** Of the answers so many are lost: mostly the retry gets through, at times both are lost and the block is stored from the spool as well. */
const SHARE = 1 / 3;
/** So long at most, and so many at least, as a busy machine may be slow. */
const LIMIT_MS = 60_000;
const FEWEST = 20;

export const trial = {
  number: 12,
  name: 'ambiguous-answer',
  load: '20 batches of 10 a second',
  faults: `the connection cut after ClickHouse committed and after the server answered, ${CUTS} times each or for ${LIMIT_MS / 1_000} s`,
  async run({ short, note, folder }) {
    const cuts = short ? 40 : CUTS;
    const clickhouse = await OwnClickHouse.start();
    const shim = await clickhouseShim(clickhouse.url);
    const server = await Server.start({ CLICKHOUSE_URL: shim.url });
    // The same shim before the server itself: a client that gets no answer sends again.
    const front = await clickhouseShim(server.url);
    const world = await TrialWorld.start({
      folder,
      note,
      server,
      urls: new URL(front.url).origin,
      rate: 20,
      batch: 10,
    });
    const { load } = world;
    let lost = 0;
    let lostOfServer = 0;
    shim.decide = ({ kind }) => {
      if (kind !== 'insert' || lost >= cuts || Math.random() >= SHARE) return undefined;
      lost += 1;
      return lost % 4 === 0 ? 'half-answer' : 'cut-answer';
    };
    front.decide = () => {
      if (lostOfServer >= cuts || Math.random() >= SHARE) return undefined;
      lostOfServer += 1;
      return 'cut-answer';
    };
    world.begin();
    const telling = setInterval(() => note(`${lost} answers of ClickHouse lost, ${lostOfServer} of the server`), 5_000);
    const since = performance.now();
    await until(() => lost >= cuts && lostOfServer >= cuts, short ? LIMIT_MS / 4 : LIMIT_MS);
    const tookMs = performance.now() - since;
    clearInterval(telling);
    const counted = await world.end();
    world.expect(load.refused.size === 0, `events were refused: ${load.answers}`);
    world.expect(Math.min(lost, lostOfServer) >= FEWEST, `only ${lost} and ${lostOfServer} answers were lost`);
    world.expect(load.unanswered >= lostOfServer, 'not every lost answer was missed');
    world.lines.push(
      `${lost} inserts were committed and their answers lost, ${lostOfServer} batches taken and their answers lost, within ${seconds(tookMs)}`,
      `all was readable ${seconds(counted.drainedMs)} after the last of them was sent again`,
    );
    return world.verdict(
      counted,
      short ? { faults: `the connection cut after a commit, ${cuts} times on each side` } : {},
    );
  },
};
