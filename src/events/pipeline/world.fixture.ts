// A project, a request and an event for the pipeline's specs, each with what a test wants different.
import type { Project, ProjectSettings } from '../../projects/projects.types';
import type { EventInput } from '../event-input';
import type { IngestContext } from './ingest.types';
import type { AcceptedEvent, Outcome } from './outcomes';
import { ingestEvent } from './pipeline';

export const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

/** Noon of 10 March 2026, UTC. */
export const NOON = Date.UTC(2026, 2, 10, 12);

export const aProject = (settings: Partial<ProjectSettings> = {}, own: Partial<Project> = {}): Project => ({
  id: '0195526c-0000-7000-8000-000000000001',
  number: 7,
  name: 'Shop',
  timezone: 'UTC',
  domains: ['shop.example'],
  settings: {
    retentionDays: null,
    excludedIps: [],
    excludedCountries: [],
    excludedPaths: [],
    botPolicy: 'mark',
    rateLimit: null,
    allowedOrigins: [],
    storeIp: false,
    ...settings,
  },
  secret: Buffer.alloc(32, 5),
  createdAt: 0,
  updatedAt: 0,
  ...own,
});

export const aContext = (own: Partial<IngestContext> = {}): IngestContext => ({
  project: aProject(),
  receivedAt: NOON,
  retainedFrom: Number.NEGATIVE_INFINITY,
  address: '203.0.113.7',
  userAgent: CHROME,
  trusted: false,
  saltOf: (day) => Buffer.from(`salt of ${day}`),
  geo: () => ({ country: 'DE', region: 'Berlin', city: 'Berlin' }),
  newId: () => '0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a99',
  ...own,
});

export const anEvent = (own: Partial<EventInput> = {}): EventInput => ({ name: 'pageview', visitorId: 'ann', ...own });

/** Runs an event, and fails where it isn't accepted. */
export const accepted = (own: Partial<EventInput>, context: Partial<IngestContext> = {}): AcceptedEvent => {
  const outcome: Outcome = ingestEvent(anEvent(own), aContext(context));
  if (outcome.kind !== 'event') throw new Error(`not accepted: ${JSON.stringify(outcome)}`);
  return outcome;
};
