// Which server does a command speak to, with which key, about which project? For every command that is a client of the API.
import { randomUUID } from 'node:crypto';
import { readRunFile } from '../embedded/run-file';
import { type Env, readEnv } from '../config/env';
import { ApiClient, type ClientOptions, type Target } from './client';
import { CommandFailed } from './command';
import { parseUrl } from '../common/url';

export interface TargetOptions {
  /** `--url` */
  readonly url?: string | undefined;
  /** `--key` */
  readonly key?: string | undefined;
}

/** A command's arguments, with each key bound to its `--key`: a key is any secret, and one that begins with a dash is not an
 *  option. */
export function bindKeys(args: readonly string[]): string[] {
  const at = args.indexOf('--key');
  const key = at === -1 ? undefined : args[at + 1];
  if (key === undefined) return [...args];
  return [...args.slice(0, at), `--key=${key}`, ...bindKeys(args.slice(at + 2))];
}

/** Finds the server: `--url`, else the one that runs on this machine's DATA_DIR, else this machine's PORT. The key: `--key`,
 *  MILLRACE_KEY, ROOT_API_KEY, or the running server's own word in its data directory.
 *  @throws CommandFailed saying what to do, where there is no key */
export function findTarget({ url, key }: TargetOptions, environment: NodeJS.ProcessEnv): Target {
  const env: Env = readEnv(environment);
  const run = readRunFile(env);
  // Documentation shows addresses of routes, so the path of the API is often given with the server's.
  const chosenUrl = (url ?? run?.url ?? `http://127.0.0.1:${env.PORT}`).replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  if (!/^https?:\/\//.test(chosenUrl) || parseUrl(chosenUrl) === undefined)
    throw new CommandFailed('--url must be an address such as http://127.0.0.1:3000');
  // The run file's token is for the server that wrote it, and for no other address.
  const local = run !== undefined && sameServer(chosenUrl, run.url) ? run.token : undefined;
  const chosenKey = key ?? environment['MILLRACE_KEY'] ?? env.ROOT_API_KEY ?? local;
  if (chosenKey !== undefined && chosenKey !== '') return { url: chosenUrl, key: chosenKey };
  throw new CommandFailed(
    url === undefined
      ? `no server runs on DATA_DIR ${env.DATA_DIR}: start one with \`npm start\`, or name one with --url and --key`
      : `${chosenUrl} needs a key: pass --key, or set MILLRACE_KEY or ROOT_API_KEY`,
  );
}

const sameServer = (a: string, b: string): boolean => {
  const [one, other] = [new URL(a), new URL(b)];
  const loopback = (host: string): string => (/^(localhost|127\.0\.0\.1|\[::1\])$/.test(host) ? 'loopback' : host);
  return one.port === other.port && loopback(one.hostname) === loopback(other.hostname);
};

/** A project as the API shows it; the fields that our commands read. */
export interface ProjectView {
  readonly id: string;
  readonly name: string;
}

/** The project of that name, and a client that acts on it. With a root key it is made where there is none; a project's own key
 *  knows its project, so the name is not looked at.
 *  @param create what a new project has besides its name
 *  @throws CommandFailed where the key can't do it; ApiFailure */
export async function openProject(
  target: Target,
  name: string,
  create: Readonly<Record<string, unknown>> = {},
  options: ClientOptions = {},
): Promise<{ client: ApiClient; project?: ProjectView; created: boolean }> {
  const kind = /^mr_([a-z]+)_/.exec(target.key)?.[1];
  if (kind === 'pub')
    throw new CommandFailed('a pub key cannot say whose address an event came from: use a sec, adm or root key');
  if (kind === 'sec' || kind === 'adm') return { client: new ApiClient(target, options), created: false };

  // The first requests show whether there is a server: no patience for one that is not there.
  const first = new ApiClient(target, { patienceMs: 2_000 });
  const found = await findProject(first, name);
  const project =
    found ??
    (
      await first.request<{ project: ProjectView }>('POST', '/projects', {
        body: { name, ...create },
        idempotencyKey: randomUUID(),
      })
    ).project;
  return {
    client: new ApiClient(target, { ...options, projectId: project.id }),
    project,
    created: found === undefined,
  };
}

async function findProject(client: ApiClient, name: string): Promise<ProjectView | undefined> {
  for await (const project of allProjects(client)) if (project.name === name) return project;
  return undefined;
}

/** Every project that the client's key may see, page by page. @throws ApiFailure */
export async function* allProjects(client: ApiClient): AsyncGenerator<ProjectView> {
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: '1000', ...(cursor === null ? {} : { cursor }) });
    const list: { data: ProjectView[]; page: { next: string | null } } = await client.request(
      'GET',
      `/projects?${query.toString()}`,
    );
    yield* list.data;
    cursor = list.page.next;
  } while (cursor !== null);
}
