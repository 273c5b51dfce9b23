// Who is told by webhooks in a test? A receiver on this machine that checks signatures as any would, and answers what the test wants.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message as it came in. */
export interface Received {
  readonly delivery: string;
  readonly signature: string;
  readonly text: string;
  readonly body: {
    readonly id: string;
    readonly type: string;
    readonly createdAt: string;
    readonly project: { readonly id: string; readonly name: string };
    readonly alert: Record<string, unknown>;
    readonly value: number | null;
    readonly previous?: number;
  };
}

/** A receiver. `status` and `location` are what it answers next. */
export interface HookReceiver {
  readonly port: number;
  readonly got: Received[];
  status: number;
  location: string | undefined;
  close(): Promise<void>;
}

/** Starts one on a free port. */
export async function aHookReceiver(): Promise<HookReceiver> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const { 'millrace-delivery': delivery, 'millrace-signature': signature } = request.headers;
      const body = JSON.parse(text) as Received['body'];
      receiver.got.push({ delivery: String(delivery), signature: String(signature), text, body });
      response.writeHead(receiver.status, receiver.location === undefined ? {} : { location: receiver.location });
      response.end('heard');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: HookReceiver = {
    port: (server.address() as AddressInfo).port,
    got: [],
    status: 200,
    location: undefined,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

/** Whether a message was signed with this secret at about this time, as the documentation tells receivers to look.
 *  @param now milliseconds */
export function isSigned({ signature, text }: Received, secret: string, now: number): boolean {
  const parts = new Map(signature.split(',').map((part) => part.split('=') as [string, string]));
  const time = Number(parts.get('t'));
  const expected = createHmac('sha256', secret).update(`${time}.${text}`).digest();
  const given = Buffer.from(parts.get('v1') ?? '', 'hex');
  return Math.abs(now / 1_000 - time) <= 300 && given.length === expected.length && timingSafeEqual(given, expected);
}
