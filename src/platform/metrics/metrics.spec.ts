// Do instruments belong to one app, and do they look as Prometheus expects?
import { Metrics } from './metrics';

describe('Metrics', () => {
  it('counts events by outcome and reason', async () => {
    const metrics = new Metrics();
    metrics.countEvents('accepted', 3);
    metrics.countEvents('filtered', 2, 'bot');
    metrics.countEvents('rejected', 0, 'never');
    const text = await metrics.registry.metrics();
    expect(text).toContain('millrace_ingest_events_total{outcome="accepted",reason=""} 3');
    expect(text).toContain('millrace_ingest_events_total{outcome="filtered",reason="bot"} 2');
    expect(text).not.toContain('never');
  });

  it('keeps two apps of one process apart', async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.unknownKeys.inc();
    expect(await one.registry.getSingleMetricAsString('millrace_unknown_keys_total')).toContain(' 1');
    expect(await other.registry.getSingleMetricAsString('millrace_unknown_keys_total')).toContain(' 0');
  });

  it('names and explains every instrument', () => {
    for (const { name, help } of new Metrics().registry.getMetricsAsArray()) {
      expect(name).toMatch(/^millrace_[a-z_]+$/);
      expect(help.length).toBeGreaterThan(10);
    }
  });
});
