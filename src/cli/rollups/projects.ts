// Which projects is a command for, and how are their jobs getting on? For commands that work on several projects at once.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiClient } from '../client';
import { CommandFailed, UsageAsked } from '../command';
import { allProjects, bindKeys, findTarget, type ProjectView } from '../target';

/** What such a command is told. */
export interface ProjectArguments {
  /** Undefined: all that the key may see. */
  readonly project: string | undefined;
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** A job as the API shows it; the fields that these commands read. */
export interface JobView {
  readonly id: string;
  readonly state: 'queued' | 'running' | 'completed' | 'failed';
  readonly error: string | null;
  readonly result: Readonly<Record<string, number>> | null;
}

/** A job of a project, as it was seen last. */
export interface ProjectJob {
  readonly project: ProjectView;
  job: JobView;
}

const LOOK_EVERY_MS = 500;
/** Jobs that are asked about in one round: those at the front end first. */
const ASKED_AT_ONCE = 20;

/** @param times whether `--from` and `--to` are known
 *  @throws CommandFailed with the usage, UsageAsked */
export function readProjectArguments(args: readonly string[], usage: string, times: boolean): ProjectArguments {
  const wrong = (why: string): CommandFailed => new CommandFailed(`${why}\n\n${usage}`);
  const text = { type: 'string' } as const;
  let parsed;
  try {
    parsed = parseArgs({
      args: bindKeys(args),
      options: {
        project: text,
        all: { type: 'boolean' },
        from: text,
        to: text,
        url: text,
        key: text,
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const { project, all = false, from, to, url, key, help } = parsed.values;
  if (help === true) throw new UsageAsked('works on what is derived from the events of projects', usage);
  if (!times && (from !== undefined || to !== undefined)) throw wrong('--from and --to are not known here');
  if ((project === undefined) !== all) throw wrong('one of --project NAME and --all is expected');
  return { project, url, key, from, to };
}

/** A client, and the projects that are meant. @throws CommandFailed where there is none of that name; ApiFailure */
export async function openProjects(
  { project: name, url, key }: ProjectArguments,
  environment: NodeJS.ProcessEnv,
): Promise<{ client: ApiClient; projects: ProjectView[] }> {
  const target = findTarget({ url, key }, environment);
  // The first request shows whether there is a server: no patience for one that is not there.
  const projects: ProjectView[] = [];
  for await (const project of allProjects(new ApiClient(target, { patienceMs: 2_000 })))
    if (name === undefined || project.name === name) projects.push(project);
  if (name !== undefined && projects.length === 0) throw new CommandFailed(`there is no project "${name}"`);
  return { client: new ApiClient(target), projects };
}

/** Starts a job for each project. */
export async function startJobs(
  client: ApiClient,
  projects: readonly ProjectView[],
  what: 'backfill' | 'verify',
  body?: object,
): Promise<ProjectJob[]> {
  const started: ProjectJob[] = [];
  for (const project of projects) {
    const path = `/projects/${project.id}/${what}`;
    const { job } = await client.request<{ job: JobView }>('POST', path, body === undefined ? {} : { body });
    started.push({ project, job });
  }
  return started;
}

const isOver = ({ job }: ProjectJob): boolean => job.state === 'completed' || job.state === 'failed';

/** Asks about jobs until all are over. @param look told after each round; @param ended told once of each that ended */
export async function followJobs(
  client: ApiClient,
  jobs: readonly ProjectJob[],
  look: () => void,
  ended: (job: ProjectJob) => void = () => undefined,
): Promise<void> {
  for (;;) {
    const open = jobs.filter((each) => !isOver(each));
    for (const each of open.slice(0, ASKED_AT_ONCE)) {
      each.job = await client.request<JobView>('GET', `/jobs/${each.job.id}`);
      if (isOver(each)) ended(each);
    }
    look();
    if (jobs.every(isOver)) return;
    await sleep(LOOK_EVERY_MS);
  }
}
