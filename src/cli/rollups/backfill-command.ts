// How is the backfill called, and what does it show?
import { grouped, startProgress, type Output } from '../command';
import { followJobs, openProjects, readProjectArguments, startJobs } from './projects';

const USAGE = `npm run backfill -- --project NAME|--all [--from DAY] [--to DAY]
  --project  the project whose history is derived anew; --all: every project that the key may see
  --from     first day (2026-03-01, in the project's zone) or a time with an offset; default: the first event
  --to       last day, included, or a time; default: now
  --url      the server; default: the one that runs on this machine
  --key      a root or adm key; default: MILLRACE_KEY, ROOT_API_KEY, or the running server's own word
It can be ended at any time: the server goes on by itself.`;

/** Runs the command.
 *  @returns the exit status: 0 when every day was derived anew
 *  @throws CommandFailed, ApiFailure: one line for the caller */
export async function backfillCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const asked = readProjectArguments(args, USAGE, true);
  const { client, projects } = await openProjects(asked, environment);
  const { from, to } = asked;
  const jobs = await startJobs(client, projects, 'backfill', {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  const sum = (of: 'days' | 'done'): number => jobs.reduce((total, { job }) => total + (job.result?.[of] ?? 0), 0);
  const days = sum('days');
  const bar = startProgress(output, 'Deriving', days);
  await followJobs(client, jobs, () => bar.at(sum('done'), `${grouped(sum('done'))} of ${grouped(days)} days`));
  bar.stop();
  const failed = jobs.filter(({ job }) => job.state === 'failed');
  for (const { project, job } of failed) output.line(`${project.name}: ${job.error ?? 'failed'}`);
  const of = jobs.length === 1 ? 'one project' : `${grouped(jobs.length)} projects`;
  output.line(`${grouped(sum('done'))} of ${grouped(days)} days of ${of} were derived anew`);
  return failed.length === 0 ? 0 : 1;
}
