// Which key is the instance's own? The configured one, or one that the first start made and showed once.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { Clock } from '../common/clock';
import { Env } from '../config/env';
import { Postgres } from '../platform/postgres/postgres';
import { hashOfKeyText, newKeyText, SHOWN_END, SHOWN_START } from './key-format';
import { rootKeys } from './auth.schema';

const ONLY_ROW = 1;
/** A sample value, or one letter held down: 32 random hexadecimal digits have fewer different ones once in 300,000 times. */
const LEAST_DIFFERENT = 9;

/** The root key, by its hash. */
@Injectable()
export class RootKey implements OnModuleInit {
  private readonly logger = new Logger(RootKey.name);
  private hash: Buffer | undefined;
  private fresh: string | undefined;

  constructor(
    private readonly env: Env,
    private readonly postgres: Postgres,
    private readonly clock: Clock,
  ) {}

  /** TRICKY: of several processes that start at once, the row decides which one's key it is; the others show nothing. */
  async onModuleInit(): Promise<void> {
    if (this.env.ROOT_API_KEY !== undefined) {
      this.hash = hashOfKeyText(this.env.ROOT_API_KEY);
      if (new Set(this.env.ROOT_API_KEY).size < LEAST_DIFFERENT)
        this.logger.warn('ROOT_API_KEY is easily guessed: whoever does owns every project here');
      return;
    }
    this.hash = await this.stored();
    if (this.hash !== undefined) return;
    const text = newKeyText('root');
    const made = await this.postgres.run((db) =>
      db
        .insert(rootKeys)
        .values({
          id: ONLY_ROW,
          hash: hashOfKeyText(text),
          prefix: text.slice(0, SHOWN_START),
          last4: text.slice(-SHOWN_END),
          createdAt: new Date(this.clock.now()),
        })
        .onConflictDoNothing()
        .returning({ id: rootKeys.id }),
    );
    if (made.length > 0) this.fresh = text;
    this.hash = made.length > 0 ? hashOfKeyText(text) : await this.stored();
  }

  /** The text of the key that this start made, the first time it is asked for; else undefined. For the one who starts the server. */
  announce(): string | undefined {
    const text = this.fresh;
    this.fresh = undefined;
    return text;
  }

  /** Whether a text's SHA-256 is the root key's. Takes the same time either way. */
  matches(hash: Buffer): boolean {
    return this.hash !== undefined && timingSafeEqual(hash, this.hash);
  }

  private async stored(): Promise<Buffer | undefined> {
    const [row] = await this.postgres.run((db) => db.select({ hash: rootKeys.hash }).from(rootKeys));
    return row?.hash;
  }
}
