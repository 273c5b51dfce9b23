// Who is calling? From the text of a key to the key and its project; the order of what is asked, and what each failure costs.
import { Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { Clock } from '../common/clock';
import { tooManyRequests } from '../common/problem';
import { isLoopback } from './addresses';
import { SCOPES, type RequestAuth } from './auth.types';
import { refused } from './credentials';
import { FailedAttempts } from './failed-attempts';
import { KeyDirectory } from './key-directory';
import { hashOfKeyText, kindOfKeyText } from './key-format';
import type { KnownKey } from './keys.repository';
import { LocalAccess } from './local-access';
import { RootKey } from './root-key';
import { Tickets } from './tickets';

/** Where a request comes from: the client's address, and that of the other end of the connection, which may be a proxy. */
export interface Origin {
  readonly address: string;
  readonly socketAddress: string | undefined;
}

const ROOT: RequestAuth = { key: { id: 'root', kind: 'root', scopes: SCOPES } };
const WRONG = 'The API key is unknown, revoked or expired.';
const WRONG_TICKET = 'The ticket is unknown, used or expired.';

/** Tells who calls. */
@Injectable()
export class Authenticator {
  private readonly localHash: Buffer;

  constructor(
    private readonly root: RootKey,
    private readonly directory: KeyDirectory,
    private readonly failed: FailedAttempts,
    private readonly clock: Clock,
    private readonly tickets: Tickets,
    local: LocalAccess,
  ) {
    this.localHash = hashOfKeyText(local.token);
  }

  /** The caller behind a key's text.
   *  @throws unauthorized; tooManyRequests where the address has failed too often; storeUnavailable where an unremembered key can't be looked for */
  async authenticate(text: string, origin: Origin): Promise<RequestAuth> {
    const hash = hashOfKeyText(text);
    const remembered = this.directory.remembered(hash);
    if (remembered !== undefined && this.works(remembered)) return remembered;
    if (this.root.matches(hash)) return ROOT;
    if (isLoopback(origin.socketAddress) && timingSafeEqual(hash, this.localHash)) return ROOT;
    const kind = kindOfKeyText(text);
    if (remembered !== undefined || kind === undefined || kind === 'root' || this.directory.isKnownUnknown(hash))
      throw this.failure(origin);
    if (!this.failed.mayLookUp(origin.address)) throw this.failure(origin);
    const found = await this.directory.find(hash);
    if (found === undefined || !this.works(found)) throw this.failure(origin);
    return found;
  }

  /** The caller behind a ticket, which works no more then.
   *  @throws unauthorized; tooManyRequests where the address has failed too often; storeUnavailable */
  async authenticateTicket(text: string, origin: Origin): Promise<RequestAuth> {
    if (!this.failed.mayLookUp(origin.address)) throw this.failure(origin, WRONG_TICKET);
    const auth = await this.tickets.redeem(text);
    if (auth === undefined) throw this.failure(origin, WRONG_TICKET);
    return auth;
  }

  private works({ expiresAt }: KnownKey): boolean {
    return expiresAt === undefined || expiresAt > this.clock.now();
  }

  private failure({ address }: Origin, why = WRONG): Error {
    const waitSeconds = this.failed.count(address);
    return waitSeconds === undefined
      ? refused(why)
      : tooManyRequests({
          detail: 'Too many failed attempts to authenticate from this address.',
          retryAfterSeconds: waitSeconds,
        });
  }
}
