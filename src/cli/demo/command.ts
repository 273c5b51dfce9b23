// How is the demo called, and what does it leave to look at?
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { EventInput } from '../../events/event-input';
import { type ApiClient, inBatches, inLanes } from '../client';
import { CommandFailed, type Output, UsageAsked, grouped, startProgress, table } from '../command';
import { bindKeys, findTarget, openProject } from '../target';
import { traffic } from './traffic';
import { SITE_HOST } from './world';

const USAGE = `npm run demo [-- --days 30 --visitors 400 --project Demo]
  --days      how many days of traffic, up to now: 1 to 400
  --visitors  visitors on an ordinary day: 1 to 20000
  --project   the project to fill; made where there is none of that name
  --url       the server; default: the one that runs on this machine
  --key       a root key; default: MILLRACE_KEY, ROOT_API_KEY, or the running server's own word`;

interface Arguments {
  readonly days: number;
  readonly visitors: number;
  readonly project: string;
  readonly url: string | undefined;
  readonly key: string | undefined;
}

/** @throws CommandFailed with the usage, UsageAsked */
function readArguments(args: readonly string[]): Arguments {
  const wrong = (why: string): CommandFailed => new CommandFailed(`${why}\n\n${USAGE}`);
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: bindKeys(args),
      options: {
        days: text,
        visitors: text,
        project: text,
        url: text,
        key: text,
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const { days = '30', visitors = '400', project = 'Demo', url, key, help } = values;
  if (help === true) throw new UsageAsked('fills a project with believable traffic', USAGE);
  const whole = (name: string, given: string, max: number): number => {
    const value = /^\d{1,6}$/.test(given) ? Number(given) : 0;
    if (value < 1 || value > max) throw wrong(`--${name} must be a whole number from 1 to ${max}`);
    return value;
  };
  return { days: whole('days', days, 400), visitors: whole('visitors', visitors, 20_000), project, url, key };
}

const DAY_MS = 86_400_000;
const LANES = 3;

/** Runs the command.
 *  @param now milliseconds since the epoch; the traffic ends there
 *  @returns the exit status
 *  @throws CommandFailed, ApiFailure: one line for the caller */
export async function demoCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
  now: number,
): Promise<number> {
  const { days, visitors, project: name, url, key } = readArguments(args);
  const target = findTarget({ url, key }, environment);
  const onWait = (why: string, waitMs: number): void =>
    output.note(`${why}; trying again in ${Math.ceil(waitMs / 1000)} s`);
  const { client, project } = await openProject(target, name, { domains: [SITE_HOST] }, { onWait });
  if (project === undefined) throw new CommandFailed('the demo makes a project of its own, which takes a root key');

  const to = await endOfTraffic(client, now);
  const from = Math.floor(now / DAY_MS) * DAY_MS - (days - 1) * DAY_MS;
  const events = [...traffic({ from, to, visitorsPerDay: visitors })];
  const progress = startProgress(output, 'Sending', events.length);
  const counts = { accepted: 0, duplicates: 0, otherwise: 0 };
  try {
    await inLanes(inBatches(ofArray(events), 1_000, 4_000_000), LANES, async (batch) => {
      const answer = await client.sendEvents(batch);
      counts.accepted += answer.accepted;
      counts.duplicates += answer.duplicates;
      counts.otherwise += answer.filtered.length + answer.rejected.length;
      const sent = counts.accepted + counts.duplicates + counts.otherwise;
      progress.at(sent, `${grouped(sent)} events`);
    });
  } finally {
    progress.stop();
  }
  output.line(
    table([
      [`Events in "${project.name}"`, events.length],
      ['  accepted', counts.accepted],
      ['  known already', counts.duplicates],
      ...(counts.otherwise > 0 ? [['  left out or refused', counts.otherwise] as const] : []),
    ]),
  );
  output.line(await whatToOpen(client, project.id, now));
  return 0;
}

async function* ofArray(events: readonly EventInput[]): AsyncGenerator<EventInput> {
  yield* events;
}

/** Now; but where the project has traffic of today already, up to that: a second run on one day adds nothing. */
async function endOfTraffic(client: ApiClient, now: number): Promise<number> {
  const today = new Date(Math.floor(now / DAY_MS) * DAY_MS).toISOString();
  const query = new URLSearchParams({ from: today, to: new Date(now).toISOString(), order: 'desc', limit: '1' });
  const { data } = await client.request<{ data: { timestamp: string }[] }>('GET', `/events?${query.toString()}`);
  const last = data[0];
  return last === undefined ? now : Date.parse(last.timestamp) + 1;
}

const READ_KEY_DAYS = 30;

/** Lines to paste, with a key that can read and nothing else. The text of a key is shown once, so each run makes one; it ends by itself. */
async function whatToOpen(client: ApiClient, projectId: string, now: number): Promise<string> {
  const made = await client.request<{ key: string }>('POST', `/projects/${projectId}/keys`, {
    body: {
      name: 'Demo: read the statistics',
      kind: 'sec',
      scopes: ['stats:read', 'events:read'],
      expiresAt: new Date(now + READ_KEY_DAYS * DAY_MS).toISOString(),
    },
    idempotencyKey: randomUUID(),
  });
  const { url } = client.target;
  const ask = (path: string): string => `  curl -H 'X-API-Key: ${made.key}' '${url}/api/v1${path}'`;
  return [
    '',
    'Look at it:',
    ask('/stats/overview?period=30d&compare=previous'),
    ask('/stats/timeseries?period=7d&metrics=visitors,pageviews&interval=day'),
    ask('/stats/pages?period=30d&limit=10'),
    ask('/stats/breakdown/channel?period=30d&metrics=visitors,sessions,bounceRate'),
    ask('/events?period=today&name=purchase&limit=5'),
    '',
    `Or in the browser: ${url}/docs (choose "Authorize" and paste the key ${made.key})`,
  ].join('\n');
}
