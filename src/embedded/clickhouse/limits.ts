// How much of the machine may the engine take? Ceilings that suit a small one, from its memory or its container's.
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** The engine's ceilings. What is left out follows from the machine. */
export interface EngineLimits {
  /** Bytes that all statements and caches together may take. */
  readonly memoryBytes?: number | undefined;
  readonly markCacheBytes?: number | undefined;
  readonly uncompressedCacheBytes?: number | undefined;
  /** Threads that merge parts. */
  readonly backgroundThreads?: number | undefined;
  /** Threads of one statement. */
  readonly maxThreads?: number | undefined;
}

const MIB = 1024 * 1024;

/** Memory of the machine, or what its control group leaves of it. */
function machineBytes(): number {
  const limits = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].map((path) => {
    try {
      const bytes = Number(readFileSync(path, 'utf8').trim());
      return bytes > 0 ? bytes : Infinity;
    } catch {
      return Infinity;
    }
  });
  return Math.min(totalmem(), ...limits);
}

/** The engine's ceiling on this machine: 40 % of its memory, 512 MiB to 8 GiB; the rest is for Node, Postgres and the page cache. */
export const defaultMemoryBytes = (machine = machineBytes()): number =>
  Math.round(Math.min(8_192 * MIB, Math.max(512 * MIB, machine * 0.4)));

/** Arguments of the engine as a whole. */
export function engineArgs(limits: EngineLimits = {}): readonly string[] {
  const memory = limits.memoryBytes ?? defaultMemoryBytes();
  const threads = limits.backgroundThreads ?? Math.max(2, Math.min(8, availableParallelism()));
  return [
    `--max_server_memory_usage=${memory}`,
    `--mark_cache_size=${limits.markCacheBytes ?? Math.round(Math.min(512 * MIB, memory / 16))}`,
    `--uncompressed_cache_size=${limits.uncompressedCacheBytes ?? 0}`,
    `--index_mark_cache_size=${Math.round(Math.min(128 * MIB, memory / 64))}`,
    `--background_pool_size=${threads}`,
    ...(limits.maxThreads === undefined ? [] : [`--max_threads=${limits.maxThreads}`]),
  ];
}

/** What every connection begins with: where the embedded engine differs from a server, as a server has it. */
export const sessionArgs: readonly string[] = ['--implicit_select=0'];
