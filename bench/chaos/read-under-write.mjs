// Do questions keep events waiting, or events questions? A steady load alone, then beside five charts a second and one long question at a time.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf } from '../support/chaos-load.mjs';
import { Ledger } from '../support/ledger.mjs';
import { atRate } from '../support/paced-load.mjs';
import { ownDelay, questioner, timeLine, watchedServer } from '../support/overload-watch.mjs';
import { percentile } from '../support/percentile.mjs';

const READ_P99_MS = 1_000;
const CHARTS = [
  '/stats/overview?period=7d',
  '/stats/timeseries?period=24h&metrics=visitors,pageviews&interval=hour',
  '/stats/pages?period=7d&limit=20',
  '/stats/countries?period=7d',
  '/realtime',
];
const LONG = {
  metrics: ['visitors', 'sessions', 'pageviews', 'bounceRate', 'sessionDuration'],
  dimensions: ['page', 'country', 'browser', 'referrer'],
  period: '90d',
  limit: 1_000,
};

export const trial = {
  number: 4,
  name: 'read-under-write',
  load: '1,000 events/s, 5 charts/s, a long question all the time, 30 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const server = await watchedServer(folder);
    const project = await server.project('both');
    const ledger = new Ledger(join(folder, 'answers.ndjson'));
    const load = new ChaosLoad({
      urls: server.url,
      project,
      ledger,
      lanes: 24,
      batch: short ? 20 : 100,
      rate: 10,
      note,
    });
    const running = load.start();
    await sleep(3_000);
    load.latencies.length = 0;
    const own = ownDelay();
    const seconds = short ? 6 : 30;
    note('events alone …');
    await sleep(seconds * 1_000);
    const alone = percentile(load.latencies.splice(0), 0.99);

    note('events and questions …');
    const long = { asked: 0, failed: 0, isOver: false };
    const asking = (async () => {
      while (!long.isOver) {
        long.asked += 1;
        // A question that needs more than it may is refused; that it does not keep others waiting is what counts here.
        await server.ask('POST', '/stats/query', { project: project.id, body: LONG }).catch(() => (long.failed += 1));
      }
    })();
    const asked = questioner(server, project);
    const charts = await atRate(5, seconds, (at) => asked.ask(CHARTS[at % CHARTS.length]));
    long.isOver = true;
    await asking;
    const beside = percentile(load.latencies, 0.99);
    const reads = percentile(charts.latencies, 0.99);
    const slack = own.slackMs(READ_P99_MS);
    load.stop();
    await running;
    await load.settle();
    ledger.close();

    const counted = await countLedger(server, project, ledger.read());
    return {
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held:
        counted.held &&
        load.strangeAnswers + charts.failed === 0 &&
        (short || (beside <= 2 * alone + slack && reads <= READ_P99_MS + slack)),
      details: [
        timeLine('events beside questions, 99 of 100 answers within', beside, Math.round(2 * alone), slack),
        timeLine('charts, 99 of 100 answers within', reads, READ_P99_MS, slack),
        `events alone, 99 of 100 answers within: ${Math.round(alone)} ms`,
        `${charts.latencies.length} charts answered, ${asked.refused} of them refused (${[...asked.codes].join(', ')}), ${charts.failed} failed; ${long.asked} long questions, ${long.failed} refused`,
        `answers: ${load.answers}`,
        ...linesOf(counted),
        ...load.strangers,
      ],
    };
  },
};
