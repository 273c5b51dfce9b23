// Is what a project excludes dropped with its reason, and nothing else?
import type { ProjectSettings } from '../../projects/projects.types';
import type { IngestContext } from './ingest.types';
import { ingestEvent } from './pipeline';
import { aContext, anEvent, aProject } from './world.fixture';

const result = (settings: Partial<ProjectSettings>, own = {}, context: Partial<IngestContext> = {}): string => {
  const outcome = ingestEvent(anEvent(own), aContext({ project: aProject(settings), ...context }));
  return outcome.kind === 'filtered' ? outcome.reason : outcome.kind;
};

describe('exclusions', () => {
  it.each([
    ['203.0.113.7', 'excluded_ip'],
    ['::ffff:203.0.113.7', 'excluded_ip'],
    ['203.0.113.8', 'event'],
    ['10.255.0.1', 'excluded_ip'],
    ['11.0.0.1', 'event'],
    ['2001:DB8:0::9', 'excluded_ip'],
    ['2001:db9::9', 'event'],
    ['::ffff:aff:1', 'excluded_ip'],
    ['172.16.0.1', 'excluded_ip'],
    ['172.32.0.1', 'event'],
    ['', 'event'],
  ])('by address: %s', (address, expected) => {
    const excludedIps = ['203.0.113.7', '10.0.0.0/8', '2001:db8::/32', '::ffff:ac10:0/108', 'nonsense', '1.2.3.4/99'];
    expect(result({ excludedIps }, {}, { address })).toBe(expected);
  });

  it('judges the visitor’s address, not the server’s', () => {
    const own = { context: { ip: '198.51.100.1' } };
    expect(result({ excludedIps: ['198.51.100.1'] }, own, { trusted: true })).toBe('excluded_ip');
    expect(result({ excludedIps: ['203.0.113.7'] }, own, { trusted: true })).toBe('event');
    expect(result({ excludedIps: ['198.51.100.1'] }, own)).toBe('event');
  });

  it.each([
    ['/admin', 'excluded_path'],
    ['/admin/users/7', 'excluded_path'],
    ['/admin/.hidden', 'excluded_path'],
    ['https://shop.example/admin/x?y', 'excluded_path'],
    ['/administration', 'event'],
    ['/a.pdf', 'excluded_path'],
    ['/b/a.pdf', 'event'],
    ['/über/uns', 'excluded_path'],
    ['/%C3%BCber/uns', 'excluded_path'],
    ['/%zz', 'event'],
  ])('by path: %s', (url, expected) => {
    expect(result({ excludedPaths: ['/admin/**', '/*.pdf', '/über/*'] }, { url })).toBe(expected);
  });

  it('by a path and globs that are made to take long', () => {
    const url = `/${'a'.repeat(2_000)}`;
    const began = performance.now();
    expect(result({ excludedPaths: [`/${'*a'.repeat(40)}x`, '/+([a-z]|[a-z][a-z])x', '/(a+)+x'] }, { url })).toBe(
      'event',
    );
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('by country, in any case', () => {
    const geo = (country: string) => () => ({ country, region: '', city: '' });
    expect(result({ excludedCountries: ['de'] }, {}, { geo: geo('DE') })).toBe('excluded_country');
    expect(result({ excludedCountries: ['de'] }, {}, { geo: geo('FR') })).toBe('event');
    expect(result({ excludedCountries: ['de'] }, {}, { geo: geo('') })).toBe('event');
  });

  it('follows new settings at once', () => {
    expect(result({ excludedIps: ['203.0.113.7'] })).toBe('excluded_ip');
    expect(result({ excludedIps: [] })).toBe('event');
  });
});
