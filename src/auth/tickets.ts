// What may stand in for a key? A ticket that one made: it can stand in an address, as it works once. A feature hands them out and takes them back.
import { Injectable } from '@nestjs/common';
import type { RequestAuth } from './auth.types';

/** Parameter of the address that carries a ticket, on routes that take one. */
export const TICKET_PARAMETER = 'ticket';

/** Says whose ticket it is and makes it worthless; undefined where it is none that works. @throws storeUnavailable */
export type RedeemTicket = (text: string) => Promise<RequestAuth | undefined>;

@Injectable()
export class Tickets {
  #redeem: RedeemTicket = () => Promise.resolve(undefined);

  /** Names who knows the tickets. */
  redeemedBy(redeem: RedeemTicket): void {
    this.#redeem = redeem;
  }

  /** The caller behind a ticket. @throws storeUnavailable */
  redeem(text: string): Promise<RequestAuth | undefined> {
    return this.#redeem(text);
  }
}
