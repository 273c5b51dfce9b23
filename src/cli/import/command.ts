// How is the import called, and what does it say at its end?
import { parseArgs } from 'node:util';
import { ApiFailure, type ApiClient } from '../client';
import { CommandFailed, type Output, UsageAsked, grouped } from '../command';
import { LOG_FORMATS, type LogFormat } from './access-log';
import { importLog, UnreadableFile } from './import-log';
import { openLogFile } from './lines';
import { bindKeys, findTarget, openProject } from '../target';
import { parseUrl } from '../../common/url';

const USAGE = `npm run import -- --format combined|common --project NAME FILE[.gz]
  --format   combined (with referrer and user agent) or common; of Apache or nginx
  --project  the project to fill; made where there is none of that name
  --site     origin of the site, such as https://example.com: access logs hold paths only
  --url      the server; default: the one that runs on this machine
  --key      a root, adm or sec key; default: MILLRACE_KEY, ROOT_API_KEY, or the running server's own word`;

interface Arguments {
  readonly file: string;
  readonly format: LogFormat;
  readonly project: string;
  readonly site: string | undefined;
  readonly url: string | undefined;
  readonly key: string | undefined;
}

/** @throws CommandFailed with the usage, UsageAsked */
function readArguments(args: readonly string[]): Arguments {
  const wrong = (why: string): CommandFailed => new CommandFailed(`${why}\n\n${USAGE}`);
  const text = { type: 'string' } as const;
  let parsed;
  try {
    parsed = parseArgs({
      args: bindKeys(args),
      allowPositionals: true,
      options: { format: text, project: text, site: text, url: text, key: text, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const { format, project, site, url, key, help } = parsed.values;
  const file = parsed.positionals[0];
  if (help === true) throw new UsageAsked('sends an access log to a project as pageviews', USAGE);
  const known = LOG_FORMATS.find((name) => name === format);
  if (known === undefined) throw wrong(`--format must be one of: ${LOG_FORMATS.join(', ')}`);
  if (project === undefined || project.trim() === '') throw wrong('--project is missing');
  if (file === undefined || parsed.positionals.length > 1) throw wrong('one FILE is expected');
  if (site !== undefined && !(parseUrl(site) !== undefined && /^https?:\/\/[^/]+\/?$/i.test(site)))
    throw wrong('--site must be an origin such as https://example.com');
  return { file, format: known, project, site: site?.replace(/\/$/, ''), url, key };
}

/** Runs the command.
 *  @returns the exit status: 0 when every pageview of the log was answered by the server
 *  @throws CommandFailed, ApiFailure: one line for the caller */
export async function importCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const { file, project: name, url, key, ...options } = readArguments(args);
  const target = findTarget({ url, key }, environment);
  const onWait = (why: string, waitMs: number): void =>
    output.note(`${why}; trying again in ${Math.ceil(waitMs / 1000)} s`);
  // Opened before anything is made on the server.
  const log = await openLogFile(file).catch(cannotRead(file));
  const { client, project, created } = await openProject(target, name, domainsOf(options.site), { onWait });
  output.note(
    project === undefined
      ? `Into the key's own project at ${target.url}`
      : `Into ${created ? 'the new project' : 'the project'} "${project.name}" (${project.id}) at ${target.url}`,
  );

  const before = await pageviewsOf(client);
  const { tally, failure } = await importLog(client, log, options, output);
  const after = failure instanceof ApiFailure ? undefined : await pageviewsOf(client);
  output.line(tally.toString());
  if (before !== undefined && after !== undefined)
    output.line(`Pageviews in the project: ${grouped(before)} before, ${grouped(after)} now`);
  if (failure instanceof UnreadableFile)
    throw new CommandFailed(`can't read the rest of ${file}: ${failure.message}. What comes before was sent.`);
  if (failure !== undefined)
    throw new CommandFailed(
      `not everything was sent: ${failure.message}. Run it again: what is there is not counted twice.`,
    );
  if (tally.lines > 0 && tally.unreadable === tally.lines)
    throw new CommandFailed(`no line of ${file} is of the ${options.format} format`);
  return 0;
}

/** A new project knows its own site, whose links are no referrers. */
const domainsOf = (site: string | undefined): { domains?: string[] } =>
  site === undefined ? {} : { domains: [new URL(site).hostname.toLowerCase()] };

const cannotRead =
  (file: string) =>
  (cause: unknown): never => {
    throw new CommandFailed(`can't read ${file}: ${(cause as Error).message}`, { cause });
  };

/** How many pageviews the project holds; undefined where the key may only write. */
async function pageviewsOf(client: ApiClient): Promise<number | undefined> {
  try {
    const { data } = await client.request<{ data: { name: string; events: number }[] }>(
      'GET',
      '/events/summary?period=all',
    );
    return data.find(({ name }) => name === 'pageview')?.events ?? 0;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 403) return undefined;
    throw error;
  }
}
