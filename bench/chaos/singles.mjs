// Do events that come one by one share inserts, and is each answered quickly all the same?
import { countLedger, linesOf } from '../support/chaos-load.mjs';
import { anEvent, newId } from '../support/events.mjs';
import { headOf, OpenLoad, OpenResult } from '../support/open-load.mjs';
import { metricOf, ownDelay, timeLine, watchedServer } from '../support/overload-watch.mjs';

const P99_MS = 150;
const INSERTS_A_SECOND = 20;

/** The answers as a ledger tells them. */
const ledgerOf = (ids, result) => ({
  sent: new Set(ids),
  acknowledged: new Set(result.served.map(({ n }) => ids[n])),
  refused: new Set(),
  answers: result.served.length + result.turnedAway.length,
  unknown: result.broken,
});

export const trial = {
  number: 3,
  name: 'singles',
  load: '300 requests/s of one event, 30 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const server = await watchedServer(folder);
    const project = await server.project('singles');
    const load = new OpenLoad({ ports: [server.port] });
    const ids = [];
    const request = (n) => {
      const body = Buffer.from(JSON.stringify(anEvent((ids[n] = newId()))));
      return { head: headOf({ path: '/api/v1/events', key: project.sec, length: body.length }), body };
    };
    const perSecond = short ? 50 : 300;
    const warm = await load.offer({ perSecond, seconds: 3, request });
    const warmed = ledgerOf(ids.splice(0), warm);
    note(`${perSecond} requests a second …`);
    const own = ownDelay();
    const before = await metricOf(server, 'millrace_insert_seconds_count');
    const result = await load.offer({ perSecond, seconds: short ? 6 : 30, request });
    const inserts = ((await metricOf(server, 'millrace_insert_seconds_count')) - before) / result.seconds;
    const slack = own.slackMs(P99_MS);
    load.close();

    const said = ledgerOf(ids, result);
    for (const name of ['sent', 'acknowledged']) for (const id of warmed[name]) said[name].add(id);
    const counted = await countLedger(server, project, said);
    const p99 = OpenResult.percentile(result.served, 0.99);
    const rows = result.served.length / result.seconds / inserts;
    return {
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held: counted.held && result.faults + warm.faults === 0 && (short || (p99 <= P99_MS + slack && rows > 3)),
      details: [
        timeLine('99 of 100 answers within', p99, P99_MS, slack),
        `${inserts.toFixed(1)} inserts a second of ${rows.toFixed(1)} events each (wanted: ${INSERTS_A_SECOND} inserts a second)`,
        `${result.turnedAway.length} refused with a time to come back, ${result.faults} faults`,
        ...linesOf(counted),
      ],
    };
  },
};
