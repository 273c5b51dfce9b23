// Do events that come one by one share inserts, and is each answered quickly all the same?
import { anEvent, newId } from '../support/events.mjs';
import { headOf, OpenLoad, OpenResult } from '../support/open-load.mjs';
import { holdTime, metricOf, ownDelay, watchedWorld } from '../support/overload-watch.mjs';

const P99_MS = 150;
const INSERTS_A_SECOND = 20;
const FEWEST_ROWS = 3;

export const trial = {
  number: 3,
  name: 'singles',
  load: '300 requests/s of one event, 20 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const world = await watchedWorld({ folder, note });
    const { server, project } = world;
    const load = new OpenLoad({ ports: [server.port] });
    // The answers as a ledger tells them; nothing of this trial is broken, so they need not outlive it.
    const said = { sent: new Set(), acknowledged: new Set(), refused: new Set(), answers: 0, unknown: 0 };
    const offer = async (perSecond, seconds) => {
      const ids = [];
      const request = (n) => {
        const body = Buffer.from(JSON.stringify(anEvent((ids[n] = newId()))));
        return { head: headOf({ path: '/api/v1/events', key: project.sec, length: body.length }), body };
      };
      const result = await load.offer({ perSecond, seconds, request });
      for (const id of ids) said.sent.add(id);
      for (const { n } of result.served) said.acknowledged.add(ids[n]);
      said.answers += result.served.length + result.turnedAway.length;
      said.unknown += result.broken;
      world.expect(result.faults === 0, `${result.faults} answers that nobody expects, or none`);
      return result;
    };
    const perSecond = short ? 50 : 300;
    await offer(perSecond, 3);
    note(`${perSecond} requests a second …`);
    const own = ownDelay();
    const inserted = () => metricOf(server, 'millrace_insert_seconds_count');
    const before = await inserted();
    const result = await offer(perSecond, short ? 6 : 20);
    const inserts = ((await inserted()) - before) / result.seconds;
    const slack = own.slackMs(P99_MS);
    load.close();

    const measured = OpenResult.percentile(result.served, 0.99);
    const rows = result.served.length / result.seconds / inserts;
    holdTime(world, { what: '99 of 100 answers within', measured, wanted: P99_MS, slack, short });
    world.lines.push(
      `${inserts.toFixed(1)} inserts a second of ${rows.toFixed(1)} events each (wanted: ${INSERTS_A_SECOND} inserts a second)`,
      `${result.turnedAway.length} refused with a time to come back`,
    );
    world.expect(short || rows > FEWEST_ROWS, `an insert holds ${rows.toFixed(1)} events`);
    return world.verdict(await world.count(said), short ? { load: '50 requests/s of one event, 6 s' } : {});
  },
};
