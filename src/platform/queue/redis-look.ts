// Is the Redis that was given one that can be used? Looked at when the server starts, and said in one line where not.
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';

const CONNECT_TIMEOUT_MS = 2_000;
const AGAIN_MS = 5_000;
/** What BullMQ asks for. */
const LEAST_VERSION = [6, 2] as const;

/** A look at Redis that goes on until it answered once. */
export interface RedisLook {
  /** Settles when it was looked at for the first time, whatever came of it. */
  readonly first: Promise<void>;
  end(): Promise<void>;
}

/** Looks, and warns of what is wrong. A Redis that is away keeps no server from starting: events are taken without it. */
export function lookAtRedis(url: string, logger: Pick<Logger, 'warn' | 'log'> = new Logger('Redis')): RedisLook {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const look = async (isFirst: boolean): Promise<void> => {
    const redis = new Redis(url, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: CONNECT_TIMEOUT_MS,
      lazyConnect: true,
      retryStrategy: () => null,
    });
    let said: unknown;
    redis.on('error', (error: unknown) => (said ??= error));
    try {
      await redis.connect();
      for (const line of faultsOf(await redis.info())) logger.warn(line);
      // TRICKY: the client connects all the same, and works in database 0.
      if (said !== undefined)
        logger.warn(`Redis refuses the database that REDIS_URL names (${reasonOf(said)}); database 0 is used`);
      if (!isFirst) logger.log('Redis answers');
    } catch (error) {
      const reason = reasonOf(said ?? error);
      if (isFirst)
        logger.warn(
          `Redis (REDIS_URL) does not answer: ${reason}. Events are taken and stored without it; jobs and other regular work wait until it is there`,
        );
      if (!isOver) timer = setTimeout(() => void look(false), AGAIN_MS).unref();
    } finally {
      redis.disconnect();
    }
  };
  return {
    first: look(true),
    end: () => {
      isOver = true;
      clearTimeout(timer);
      return Promise.resolve();
    },
  };
}

/** What is wrong with a Redis, by its own description. */
export function faultsOf(info: string): string[] {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
  const policy = field('maxmemory_policy');
  const version = field('redis_version');
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const isOld = major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
  return [
    ...(policy === undefined || policy === 'noeviction'
      ? []
      : [`Redis has maxmemory-policy ${policy}: where memory runs short it forgets jobs. Set it to noeviction`]),
    ...(version === undefined || !isOld ? [] : [`Redis ${version} is too old for queues; 6.2 or newer is needed`]),
  ];
}

/** The code of a failure: neither the URL, which may hold a password, nor the server's own words. */
function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  const word = typeof message === 'string' ? /^[A-Z]{3,20}\b/.exec(message)?.[0] : undefined;
  return word ?? 'no answer in time';
}
