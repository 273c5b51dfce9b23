// Which variables does Millrace read, under which rules? Each says everything about itself once; `process.env` is read here only.
import 'reflect-metadata';
import { isIP } from 'node:net';
import { parseUrl } from '../common/url';

type Parse<T> = (text: string) => T | undefined;

interface Entry {
  name: string;
  purpose: string;
  rule: string;
  parse: Parse<unknown>;
}

const variables: Entry[] = [];

/** Documents a variable and names its rule; the property's initialiser is its default.
 *  @param purpose what it is for, one sentence; @param rule what a value must be, with its unit */
const Variable =
  <T>(purpose: string, rule: string, parse: Parse<T>): PropertyDecorator =>
  (_target, name) => {
    variables.push({ name: String(name), purpose, rule, parse });
  };

const whole =
  (min: number, max: number): Parse<number> =>
  (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };

const oneOf =
  <const T extends string>(...allowed: T[]): Parse<T> =>
  (text) =>
    allowed.find((value) => value === text);

const listOf =
  <T>(parse: Parse<T>): Parse<T[]> =>
  (text) => {
    const values = text.split(',').map((part) => parse(part.trim()));
    return values.every((value) => value !== undefined) ? values : undefined;
  };

const url =
  (...protocols: string[]): Parse<string> =>
  (text) =>
    protocols.includes(parseUrl(text)?.protocol ?? '') ? text : undefined;

const anyText: Parse<string> = (text) => text;
const flag: Parse<boolean> = (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined);
const longSecret: Parse<string> = (text) => (text.length >= 32 ? text : undefined);
const identifier: Parse<string> = (text) => (/^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined);
/** A hop count, or a list of addresses and CIDR blocks. "true" and blocks of every address are refused: they would let any client choose its address. */
const proxies: Parse<number | string[]> = (text) => {
  if (/^\d$/.test(text)) return Number(text);
  const blocks = text.split(',').map((part) => part.trim());
  return blocks.every(isBlock) ? blocks : undefined;
};

const isBlock = (block: string): boolean => {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(block) ?? [];
  const family = isIP(address);
  // An IPv4 block written as IPv6 (::ffff:10.0.0.0/8) has been read as "everyone" by proxy libraries.
  if (family === 0 || /^::ffff:/i.test(address) || address.includes('%')) return false;
  return bits === undefined || (Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128));
};

export type Role = 'api' | 'worker';

/** The configuration, checked. A URL that is not set is filled in once the embedded store that stands for it runs. */
export class Env {
  @Variable('Port that the API listens on', 'whole number 0..65535; 0 takes a free one', whole(0, 65_535))
  readonly PORT: number = 3000;

  @Variable('Address that the API listens on', 'address or host name', anyText)
  readonly HOST: string = '0.0.0.0';

  @Variable('Folder of the embedded stores', 'path', anyText)
  readonly DATA_DIR: string = './data';

  @Variable(
    'Whether embedded stores are for this process alone, or shared by all that run with the same DATA_DIR',
    'own or shared',
    oneOf('own', 'shared'),
  )
  readonly EMBEDDED_STORES: 'own' | 'shared' = 'own';

  @Variable('Postgres; not set: an embedded one is started', 'postgres:// URL', url('postgres:', 'postgresql:'))
  readonly DATABASE_URL: string | undefined = undefined;

  @Variable(
    'ClickHouse; not set: an embedded one is started',
    'http:// or https:// URL, with user, password and database',
    url('http:', 'https:'),
  )
  readonly CLICKHOUSE_URL: string | undefined = undefined;

  @Variable('Cluster on which tables are made, replicated', 'name of a ClickHouse cluster', identifier)
  readonly CLICKHOUSE_CLUSTER: string | undefined = undefined;

  @Variable(
    'Redis for queues, limits, kept answers and the live view; not set: Postgres does it',
    'redis:// or rediss:// URL, with the number of a database at most as its path',
    (text) => (/^(\/\d{0,5})?$/.test(parseUrl(text)?.pathname ?? '') ? url('redis:', 'rediss:')(text) : undefined),
  )
  readonly REDIS_URL: string | undefined = undefined;

  @Variable(
    'Key of the whole instance; not set: one is made and shown once at the first start',
    '32 characters or more',
    longSecret,
  )
  readonly ROOT_API_KEY: string | undefined = undefined;

  @Variable('What this process does', 'list of: api, worker', listOf(oneOf('api', 'worker')))
  readonly ROLES: Role[] = ['api', 'worker'];

  @Variable(
    'Proxies whose X-Forwarded-For is believed',
    'number of hops 0..9, or list of addresses and CIDR blocks, none of them everybody',
    proxies,
  )
  readonly TRUST_PROXY: number | string[] = 0;

  @Variable(
    'City database; not set: the DB-IP Lite one that is installed with the optional packages',
    'path of a .mmdb file',
    anyText,
  )
  readonly GEOIP_DB: string | undefined = undefined;

  @Variable(
    'Least level that is logged',
    'fatal, error, warn, info, debug, trace or silent',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  )
  readonly LOG_LEVEL: string = 'info';

  @Variable('How long a query may run before it is stopped', 'milliseconds, 100..600000', whole(100, 600_000))
  readonly QUERY_TIMEOUT_MS: number = 10_000;

  @Variable('Memory that a query may take', 'megabytes, 16..1000000', whole(16, 1_000_000))
  readonly QUERY_MEMORY_MB: number = 1_024;

  @Variable(
    'Rows that a query may read, all of its parts together',
    'whole number, 0 (any number) or more',
    whole(0, 999_999_999_999_999),
  )
  readonly QUERY_MAX_ROWS: number = 1_000_000_000;

  @Variable(
    'Questions that a process asks ClickHouse at once, and as many downloads; 0: twice the number of cores',
    'whole number 0..1000',
    whole(0, 1_000),
  )
  readonly QUERY_CONCURRENCY: number = 0;

  @Variable('Memory for answers of statistics that are kept; 0: none are', 'megabytes, 0..100000', whole(0, 100_000))
  readonly STATS_CACHE_MB: number = 64;

  @Variable(
    'How long an insert may take before its block goes to the spool',
    'milliseconds, 100..60000',
    whole(100, 60_000),
  )
  readonly INSERT_TIMEOUT_MS: number = 5_000;

  @Variable('Most that the spool may hold while ClickHouse is away', 'megabytes, 1..1000000', whole(1, 1_000_000))
  readonly SPOOL_MAX_MB: number = 1_024;

  @Variable(
    'Requests that a project may make in a window, on all routes together',
    'whole number 1..100000000',
    whole(1, 100_000_000),
  )
  readonly RATE_LIMIT_REQUESTS: number = 120_000;

  @Variable('Length of that window', 'seconds, 1..86400', whole(1, 86_400))
  readonly RATE_LIMIT_SECONDS: number = 60;

  @Variable(
    'Failed attempts to authenticate that one address may make in a minute',
    'whole number 1..1000000',
    whole(1, 1_000_000),
  )
  readonly AUTH_FAILURES_PER_MINUTE: number = 300;

  @Variable(
    'Requests with events that a process works on at once; the rest is refused (503)',
    'whole number 1..100000',
    whole(1, 100_000),
  )
  readonly ADMIT_EVENT_REQUESTS: number = 500;

  @Variable('All other requests that it works on at once', 'whole number 1..100000', whole(1, 100_000))
  readonly ADMIT_OTHER_REQUESTS: number = 250;

  @Variable(
    'Bodies that it works on at once, from which on few more are let in; eight times as much is their most in memory',
    'megabytes, 1..10000',
    whole(1, 10_000),
  )
  readonly ADMIT_EVENT_MB: number = 8;

  @Variable(
    'Wait of events for their answer, a second long, from which on fewer requests are let in; 0: never',
    'milliseconds, 0..60000',
    whole(0, 60_000),
  )
  readonly ADMIT_DELAY_MS: number = 500;

  @Variable(
    'Room on the disk of the embedded stores below which the server is not ready; 0: that never matters',
    'megabytes, 0..1000000',
    whole(0, 1_000_000),
  )
  readonly MIN_FREE_DISK_MB: number = 100;

  @Variable('Whether webhooks of alerts may go to private addresses: this machine, its network', 'true or false', flag)
  readonly ALERT_PRIVATE_ADDRESSES: boolean = false;

  @Variable(
    'How long requests are still taken after SIGTERM, for load balancers to notice',
    'milliseconds, 0..60000',
    whole(0, 60_000),
  )
  readonly DRAIN_DELAY_MS: number = 0;

  @Variable(
    'Memory ceiling of the embedded ClickHouse; 0: 40 % of the machine, 512 at least and 8192 at most',
    'megabytes, 0, or 256..1000000',
    (text) => (text === '0' ? 0 : whole(256, 1_000_000)(text)),
  )
  readonly CLICKHOUSE_MEMORY_MB: number = 0;
}

/** A variable as the documentation shows it. Defaults of secrets do not exist, so none can leak here. */
export interface VariableDoc {
  name: string;
  purpose: string;
  rule: string;
  default: string;
}

/** Every variable with purpose, rule and default: what README's table and `.env.example` are tested against. */
export const variableDocs = (): VariableDoc[] => {
  const defaults = new Env() as unknown as Record<string, unknown>;
  return variables.map(({ name, purpose, rule }) => {
    const value = defaults[name];
    return {
      name,
      purpose,
      rule,
      default: value === undefined ? '' : (value as string | number | boolean | string[]).toString(),
    };
  });
};

/** A configuration that breaks rules: one line a variable, with its name and rule, never its value. */
export class InvalidEnv extends Error {
  constructor(readonly lines: readonly string[]) {
    super(`The configuration is not valid:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'InvalidEnv';
  }
}

/** Reads and checks the configuration. An empty value counts as not set.
 *  @throws InvalidEnv naming every variable that breaks its rule */
export function readEnv(source: NodeJS.ProcessEnv = process.env): Env {
  const env = new Env() as unknown as Record<string, unknown>;
  const wrong: string[] = [];
  for (const { name, rule, parse } of variables) {
    const given = source[name];
    if (given === undefined || given === '') continue;
    const value = parse(given);
    if (value === undefined) wrong.push(`${name} must be: ${rule}`);
    else env[name] = value;
  }
  if (wrong.length > 0) throw new InvalidEnv(wrong);
  return env as unknown as Env;
}

/** Where the stores are, once they run: given by the configuration, or filled in by the embedded ones. */
export class StoreUrls {
  constructor(
    readonly postgres: string,
    readonly clickhouse: string,
    /** Not set: queues live in Postgres. */
    readonly redis?: string,
    /** Absolute folder of the embedded stores' data; not set where no store is embedded. */
    readonly dataDir?: string,
  ) {}
}
