// How does the server log? One pino for Fastify, Nest and everything else: constant messages, fields for the rest.
import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';

/** Fields that may hold a secret or an address of a person, wherever they stand in a line. */
const secretFields = [
  'authorization',
  'x-api-key',
  'cookie',
  'password',
  'token',
  'key',
  'ip',
  'remoteAddress',
  'x-forwarded-for',
].flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);

/** Makes the logger.
 *  @param level least level that is written; @param destination for tests; stdout else */
export const makeLogger = (level: string, destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields, censor: '[redacted]' },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );

/** Gives Nest's own messages to pino. What Nest tells at `log` is for those who look for it, so it becomes debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest passes the context last, and for errors the stack before it. Our own lines bring their fields first and their message after. */
  private write(level: 'trace' | 'debug' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const last = rest.at(-1);
    const context = typeof last === 'string' ? last : undefined;
    const second = typeof rest[0] === 'string' && rest.length > 1 ? rest[0] : undefined;
    if (message instanceof Error) this.logger[level]({ context, err: message, stack: second }, message.message);
    else if (typeof message === 'string') this.logger[level]({ context, stack: second }, message);
    else if (second === undefined) this.logger[level]({ context, details: message }, 'nest');
    else this.logger[level]({ context, ...(message as object) }, second);
  }
}
