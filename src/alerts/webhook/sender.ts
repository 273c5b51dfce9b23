// How does a webhook get to its receiver, and nowhere else? Every address of its name is checked, and the connection goes to a checked one.
import { Inject, Injectable, Optional } from '@nestjs/common';
import { lookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { Clock } from '../../common/clock';
import { parseUrl } from '../../common/url';
import { Env } from '../../config/env';
import type { Attempt, Fault } from '../alerts.types';
import { addressIn, isPublicAddress } from './address-guard';
import { signatureOf } from './signature';

/** What is sent, where to, and with whose secret. */
export interface Parcel {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  readonly secret: string;
}

/** Finds all addresses of a name. @throws as `dns.lookup` does */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Injection token: tests give names addresses of their own. */
export const RESOLVE = Symbol('RESOLVE');

const TRY_MS = 10_000;
/** Of an answer's body no more is read. */
const RESPONSE_BYTES = 1_024;

/** A try that came to nothing, before there was an answer. */
class NoAnswer extends Error {
  constructor(readonly fault: Fault) {
    super(fault);
  }
}

const lookUp = promisify(lookup);
const resolveByName: Resolve = (host) => lookUp(host, { all: true });

@Injectable()
export class WebhookSender {
  readonly #resolve: Resolve;
  /** How long a try may take, milliseconds. */
  tryMs = TRY_MS;

  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
    @Optional() @Inject(RESOLVE) resolve?: Resolve,
  ) {
    this.#resolve = resolve ?? resolveByName;
  }

  /** Tries once to deliver. 2xx is success; a redirect is a failure, as where it leads was not checked. Never throws. */
  async send(parcel: Parcel): Promise<Attempt> {
    const began = performance.now();
    const late = AbortSignal.timeout(this.tryMs);
    const outcome = (fault: Fault | null, status: number | null = null, response: string | null = null): Attempt => ({
      delivered: fault === null,
      fault,
      status,
      response,
      durationMs: Math.round(performance.now() - began),
    });
    try {
      const url = parseUrl(parcel.url);
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
        return outcome('refused_address');
      const addresses = await orLate(this.#addresses(url), late);
      const answer = await post(url, addresses, this.#headers(parcel), parcel.body, late);
      const status = answer.statusCode ?? 0;
      const response = await beginningOf(answer);
      if (status >= 200 && status < 300) return outcome(null, status, response);
      return outcome(status >= 300 && status < 400 ? 'redirect' : 'status', status, response);
    } catch (error) {
      if (late.aborted) return outcome('timed_out');
      return outcome(error instanceof NoAnswer ? error.fault : 'unreachable');
    }
  }

  /** Where a URL leads, all of it checked. One bad address among good ones is enough to refuse: which of them is used is luck. */
  async #addresses(url: URL): Promise<readonly LookupAddress[]> {
    const literal = addressIn(url);
    const found =
      literal === undefined
        ? await this.#resolve(url.hostname).catch(() => [])
        : [{ address: literal, family: isIP(literal) }];
    if (found.length === 0) throw new NoAnswer('unknown_host');
    const refused = found.some(({ address }) => !isPublicAddress(address));
    if (refused && !this.env.ALERT_PRIVATE_ADDRESSES) throw new NoAnswer('refused_address');
    return found;
  }

  #headers({ id, body, secret }: Parcel): Record<string, string> {
    return {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'Millrace-Webhook/1',
      'millrace-delivery': id,
      'millrace-signature': signatureOf(body, secret, this.clock.now()),
    };
  }
}

/** Posts to one of these addresses, by the URL's name: `Host` and the TLS handshake have that, and nobody is asked for it again. */
function post(
  url: URL,
  addresses: readonly LookupAddress[],
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const [first] = addresses;
  const pinned: RequestOptions['lookup'] = (_host, { all }, done) => {
    if (all === true) done(null, [...addresses]);
    else done(null, first?.address ?? '', first?.family);
  };
  // No agent: a connection that is kept might have been made before the check.
  const options: RequestOptions = { method: 'POST', headers, lookup: pinned, agent: false, signal };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    request.on('error', reject);
    request.end(body);
  });
}

/** The first kilobyte of an answer, as a text that a store can keep; what there is of it where the rest does not come. */
async function beginningOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      parts.push(part);
      bytes += part.length;
      if (bytes >= RESPONSE_BYTES) break;
    }
  } catch {
    // The status is there, and that is what counts.
  } finally {
    answer.destroy();
  }
  return Buffer.concat(parts).subarray(0, RESPONSE_BYTES).toString('utf8').replaceAll('\0', '');
}

/** Waits no longer than the signal allows. A name that nobody answers for can't be given up otherwise. */
async function orLate<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const give = (): void => reject(new NoAnswer('timed_out'));
    signal.addEventListener('abort', give, { once: true });
    stop = () => signal.removeEventListener('abort', give);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    stop();
  }
}
