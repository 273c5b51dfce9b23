// How is the verification called, and what does its table say?
import { grouped, type Output } from '../command';
import { followJobs, openProjects, readProjectArguments, startJobs, type ProjectJob } from './projects';

const USAGE = `npm run verify -- --project NAME|--all
  --project  the project to check; --all: every project that the key may see
  --url      the server; default: the one that runs on this machine
  --key      a root or adm key; default: MILLRACE_KEY, ROOT_API_KEY, or the running server's own word`;

const COLUMNS = ['project', 'cells', 'right', 'wrong', 'repaired', 'changing', 'seconds'] as const;

/** Runs the command.
 *  @returns the exit status: 0 when all is right now, what had to be repaired included
 *  @throws CommandFailed, ApiFailure: one line for the caller */
export async function verifyCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const { client, projects } = await openProjects(readProjectArguments(args, USAGE, false), environment);
  const began = performance.now();
  const seconds = new Map<ProjectJob, string>();
  const jobs = await startJobs(client, projects, 'verify');
  await followJobs(
    client,
    jobs,
    () => undefined,
    (ended) => seconds.set(ended, ((performance.now() - began) / 1_000).toFixed(1)),
  );
  output.line(columns([COLUMNS, ...jobs.map((each) => rowOf(each, seconds.get(each) ?? ''))]));
  for (const { project, job } of jobs)
    if (job.state === 'failed') output.line(`${project.name}: ${job.error ?? 'failed'}`);
  return jobs.every(({ job }) => job.state === 'completed' && job.result?.['wrong'] === job.result?.['repaired'])
    ? 0
    : 1;
}

const rowOf = ({ project, job: { result } }: ProjectJob, seconds: string): string[] => [
  project.name,
  ...['cells', 'right', 'wrong', 'repaired', 'moving'].map((name) => grouped(result?.[name] ?? 0)),
  seconds,
];

/** Rows below each other; the first column to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_name, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  return rows
    .map((row) =>
      row.map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0))).join('  '),
    )
    .join('\n');
}
