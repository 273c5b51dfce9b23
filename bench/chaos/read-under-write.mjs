// Do questions keep events waiting, or events questions? A steady load alone, then beside five charts a second and one long question at a time.
import { setTimeout as sleep } from 'node:timers/promises';
import { atRate } from '../support/paced-load.mjs';
import { holdTime, ownDelay, questioner, watchedWorld } from '../support/overload-watch.mjs';
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
  load: '1,000 events/s alone for 12 s, then 5 charts/s and a long question all the time for 20 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const world = await watchedWorld({ folder, note, lanes: 24, batch: short ? 20 : 100, rate: 10 });
    const { server, project, load } = world;
    world.begin();
    await sleep(3_000);
    load.latencies.length = 0;
    const own = ownDelay();
    note('events alone …');
    await sleep(short ? 6_000 : 12_000);
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
    const charts = await atRate(5, short ? 6 : 20, (at) => asked.ask(CHARTS[at % CHARTS.length]));
    long.isOver = true;
    await asking;
    const beside = load.percentile(0.99);
    const reads = percentile(charts.latencies, 0.99);
    const slack = own.slackMs(READ_P99_MS);

    world.lines.push(`events alone, 99 of 100 answers within: ${Math.round(alone)} ms`);
    holdTime(world, {
      what: 'events beside questions, 99 of 100 answers within',
      measured: beside,
      wanted: 2 * alone,
      slack,
      short,
    });
    holdTime(world, {
      what: 'charts, 99 of 100 answers within',
      measured: reads,
      wanted: READ_P99_MS,
      slack,
      short,
    });
    world.lines.push(`charts: ${asked.line}; ${long.asked} long questions, ${long.failed} of them refused`);
    world.expect(charts.failed === 0, `${charts.failed} charts failed`);
    return world.verdict(
      await world.end(),
      short ? { load: '200 events/s alone for 6 s, then 5 charts/s and a long question all the time for 6 s' } : {},
    );
  },
};
