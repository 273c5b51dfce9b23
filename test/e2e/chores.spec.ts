// Does regular work run in the application as it is put together? No route leads there, so nobody else would notice.
import { Housekeeping } from '../../src/aggregation/housekeeping/housekeeping.processor';
import { makeLogger } from '../../src/platform/logging/logger';
import { Metrics } from '../../src/platform/metrics/metrics';
import { startTestApp, until, type TestApp } from '../support';

describe('chores', () => {
  const warnings: string[] = [];
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp({ log: makeLogger('warn', { write: (line) => void warnings.push(line) }) });
  });

  afterAll(() => server.close());

  it('all complete on empty stores, and nothing is warned of', async () => {
    const { choreRuns } = server.app.get(Metrics);
    const completed = async (): Promise<string[]> => {
      await server.app.get(Housekeeping).look();
      const { values } = await choreRuns.get();
      return values.filter(({ labels }) => labels.outcome === 'completed').map(({ labels }) => String(labels.chore));
    };
    const done = await until(completed, (names) => names.length === CHORES.length);
    expect(done.sort()).toEqual(CHORES);
    expect(warnings).toEqual([]);
  });
});

const CHORES = [
  'add-up-months',
  'copy-sampled-events',
  'count-rolling-days',
  'expire-events',
  'merge-closed-months',
  'merge-derived-years',
  'sweep-rollups',
];
