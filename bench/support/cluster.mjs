// How do several processes run on one machine as they would on many? API servers and workers on shared embedded stores, and a proxy in front.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Balancer } from './balancer.mjs';
import { atEnd, ownFolder } from './clean.mjs';
import { freePort, root, Server } from './server.mjs';

const LEAVE_LIMIT_MS = 20_000;

/** What a process of the cluster is called, and does. */
const rolesOf = (apis, workers) => [
  ...Array.from({ length: apis }, (_, at) => ({ name: `api-${at + 1}`, roles: 'api' })),
  ...Array.from({ length: workers }, (_, at) => ({ name: `worker-${at + 1}`, roles: 'worker' })),
];

const require = createRequire(import.meta.url);
/** The keeper of a folder's shared stores. @returns its process id, URLs of the stores; undefined where there is none */
export const { readStoresFile: keeperOf } = require(join(root, 'dist', 'embedded', 'stores-file.js'));
export const { isAlive } = require(join(root, 'dist', 'embedded', 'leftover.js'));

/** Tells the keeper that its stores need wait for nobody, and waits for its end. */
export async function endKeeper(folder) {
  const keeper = keeperOf(folder);
  if (keeper === undefined || !isAlive(keeper.pid)) return;
  process.kill(keeper.pid, 'SIGTERM');
  for (const since = Date.now(); isAlive(keeper.pid) && Date.now() - since < LEAVE_LIMIT_MS;) await sleep(50);
}

/** Processes that share everything but themselves. */
export class Cluster {
  apis = [];
  workers = [];
  #ending = false;

  /** @param {{ apis?: number, workers?: number, env?: object, folder?: string, port?: number, rootKey?: string | null,
   *    onSaid?: (name: string, text: string) => void, front?: boolean }} options
   *    `folder`: the data directory, which stays; none: one that goes at the end; `rootKey`: null for one that the server makes;
   *    `front`: whether there is a proxy
   *  @returns {Promise<Cluster>} all processes are up */
  static async start({ apis = 2, workers = 1, env = {}, folder, port = 0, rootKey, onSaid, front = true } = {}) {
    const cluster = new Cluster();
    cluster.folder = folder ?? (await ownFolder('cluster'));
    cluster.rootKey = rootKey === undefined ? randomBytes(24).toString('base64url') : rootKey;
    // Registered first, done last: after all processes have ended.
    atEnd(() => endKeeper(cluster.folder));
    atEnd(() => cluster.end());
    for (const { name, roles } of rolesOf(apis, workers)) {
      const server = new Server();
      server.name = name;
      server.script = join(root, 'dist', 'main.js');
      server.folder = cluster.folder;
      server.endsWithUs = true;
      server.port = await freePort();
      server.url = `http://127.0.0.1:${server.port}`;
      server.rootKey = cluster.rootKey;
      server.onSaid = onSaid === undefined ? undefined : (text) => onSaid(name, text);
      server.env = {
        PATH: process.env.PATH,
        LOG_LEVEL: 'warn',
        DRAIN_DELAY_MS: '1500',
        TRUST_PROXY: '127.0.0.1',
        ...env,
        HOST: '127.0.0.1',
        ROLES: roles,
        EMBEDDED_STORES: 'shared',
        PORT: String(server.port),
        DATA_DIR: cluster.folder,
        ...(cluster.rootKey === null ? {} : { ROOT_API_KEY: cluster.rootKey }),
      };
      (roles === 'api' ? cluster.apis : cluster.workers).push(server);
    }
    await Promise.all(cluster.members.map((server) => server.boot()));
    if (front) {
      cluster.balancer = await Balancer.start({ targets: cluster.apis.map(({ url }) => url), port });
      atEnd(() => cluster.balancer.close());
    }
    // What speaks through the proxy, as any client does.
    cluster.front = new Server();
    cluster.front.url = cluster.balancer?.url ?? cluster.apis[0]?.url;
    cluster.front.rootKey = cluster.rootKey;
    return cluster;
  }

  get members() {
    return [...this.apis, ...this.workers];
  }

  /** Starts what dies, until the cluster ends. @param {(name: string) => void} note told of each start */
  async supervise(note) {
    while (!this.#ending) {
      await sleep(250);
      for (const server of this.members) {
        if (server.isRunning || this.#ending) continue;
        note(server.name);
        await server.boot().catch(() => undefined);
      }
    }
  }

  /** Ends all processes; the stores go on until somebody ends their keeper, or for half a minute. */
  async end() {
    this.#ending = true;
    await Promise.all(this.members.map((server) => server.stop()));
  }
}
