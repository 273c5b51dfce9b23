// An embedded ClickHouse for one spec file: a process of its own on a folder of its own, with ordinary clients.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ClickHouseClient, ClickHouseClientConfigOptions } from '@clickhouse/client';
import { clickhouseChildSpec } from '../../src/embedded/clickhouse/launch';
import type { ClickHouseChildMessage } from '../../src/embedded/clickhouse/launch';
import type { ClickHouseServerOptions } from '../../src/embedded/clickhouse/server';

export const PASSWORD = 'of this test';

/** What a child said first, and the child. */
export interface Started {
  readonly child: ChildProcess;
  readonly said: ClickHouseChildMessage;
}

/** Starts the child process and waits for its line. */
export async function startChild(
  options: Omit<ClickHouseServerOptions, 'password'> & { password?: string },
): Promise<Started> {
  const spec = clickhouseChildSpec({ password: PASSWORD, ...options });
  const child = spawn(spec.command, spec.args, {
    env: { ...process.env, ...spec.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(spec.firstLine);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, said: JSON.parse(line) as ClickHouseChildMessage };
}

/** A folder that `remove` takes away. */
export function aFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'millrace-clickhouse-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const urlOf = ({ said }: Started): string => {
  if ('error' in said) throw new Error(said.error);
  return said.url;
};

export const exitOf = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
};

/** One server for a spec file. */
export class World {
  private readonly clients: ClickHouseClient[] = [];

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
    private readonly folder: { remove(): void },
  ) {}

  static async start(options: Partial<ClickHouseServerOptions> = {}): Promise<World> {
    const folder = aFolder();
    const started = await startChild({ dataDir: folder.path, ...options });
    return new World(started.child, urlOf(started), folder);
  }

  client(config: ClickHouseClientConfigOptions = {}): ClickHouseClient {
    const quiet = { level: ClickHouseLogLevel.OFF };
    const client = createClient({ url: this.url, password: PASSWORD, max_open_connections: 32, log: quiet, ...config });
    this.clients.push(client);
    return client;
  }

  /** A request without a client's help. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { 'X-ClickHouse-Key': PASSWORD, ...(init.headers as Record<string, string> | undefined) };
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  /** Memory of the server's process now, in MB. */
  residentMb(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) await client.close();
    this.child.stdin!.end();
    await exitOf(this.child);
    this.folder.remove();
  }
}

/** Rows of a query. */
export async function rowsOf<T = Record<string, unknown>>(
  client: ClickHouseClient,
  query: string,
  more: Omit<Parameters<ClickHouseClient['query']>[0], 'query' | 'format'> = {},
): Promise<T[]> {
  return (await client.query({ query, format: 'JSONEachRow', ...more })).json<T>();
}
