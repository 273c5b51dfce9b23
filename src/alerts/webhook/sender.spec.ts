// Does a webhook go where it was checked to go, and nowhere else? Against receivers on this machine, under names of the test's own.
import { createHmac } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Clock } from '../../common/clock';
import { Env } from '../../config/env';
import { type Parcel, type Resolve, WebhookSender } from './sender';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const LOOPBACK: LookupAddress = { address: '127.0.0.1', family: 4 };
const PUBLIC: LookupAddress = { address: '93.184.215.14', family: 4 };

class AtNoon extends Clock {
  override now(): number {
    return 1_700_000_000_900;
  }
}

const senderOf = (privately: boolean, resolve?: Resolve): WebhookSender =>
  new WebhookSender(Object.assign(new Env(), { ALERT_PRIVATE_ADDRESSES: privately }), new AtNoon(), resolve);

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly url: string | undefined;
  readonly body: string;
}

/** A receiver, and what it got. */
const receiver = async (answer: RequestListener): Promise<{ port: number; got: Received[] }> => {
  const got: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      got.push({ headers: request.headers, url: request.url, body });
      answer(request, response);
    });
  }).listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, got };
};

const parcel = (url: string): Parcel => ({ id: 'some-id', url, body: '{"a":"ü"}', secret: 'whsec_x' });

it('delivers a signed text under the name of the URL, without asking for the name again', async () => {
  const { port, got } = await receiver((_request, response) => response.writeHead(204).end());
  const asked: string[] = [];
  const sender = senderOf(true, async (host) => {
    asked.push(host);
    return [LOOPBACK];
  });
  const attempt = await sender.send(parcel(`http://hooks.example:${port}/in?key=1#part`));
  expect(attempt).toMatchObject({ delivered: true, fault: null, status: 204, response: '' });
  expect(asked).toEqual(['hooks.example']);
  const hmac = createHmac('sha256', 'whsec_x').update('1700000000.{"a":"ü"}').digest('hex');
  expect(got).toEqual([
    {
      url: '/in?key=1',
      body: '{"a":"ü"}',
      headers: {
        host: `hooks.example:${port}`,
        connection: 'close',
        'content-type': 'application/json',
        'content-length': '10',
        'user-agent': 'Millrace-Webhook/1',
        'millrace-delivery': 'some-id',
        'millrace-signature': `t=1700000000,v1=${hmac}`,
      },
    },
  ]);
});

it.each<[string, (port: number) => string, LookupAddress[] | undefined]>([
  ['an address', (port) => `http://127.0.0.1:${port}/`, undefined],
  ['an address in other digits', (port) => `http://2130706433:${port}/`, undefined],
  ['IPv4 written as IPv6', (port) => `http://[::ffff:127.0.0.1]:${port}/`, undefined],
  ['a name of this machine', (port) => `http://localhost:${port}/`, undefined],
  ['a name that leads to it', (port) => `http://hooks.example:${port}/`, [LOOPBACK]],
  ['a name that leads to it too', (port) => `http://hooks.example:${port}/`, [PUBLIC, LOOPBACK]],
])('refuses %s, and sends nothing', async (_case, urlOf, addresses) => {
  const { port, got } = await receiver((_request, response) => response.end());
  const sender = senderOf(false, addresses === undefined ? undefined : () => Promise.resolve(addresses));
  expect(await sender.send(parcel(urlOf(port)))).toMatchObject({
    delivered: false,
    fault: 'refused_address',
    status: null,
  });
  expect(got).toEqual([]);
});

it.each([301, 302, 307, 308])('does not follow %d', async (status) => {
  const inner = await receiver((_request, response) => response.end());
  const outer = await receiver((_request, response) =>
    response.writeHead(status, { location: `http://127.0.0.1:${inner.port}/` }).end('moved'),
  );
  const attempt = await senderOf(true).send(parcel(`http://127.0.0.1:${outer.port}/`));
  expect(attempt).toMatchObject({ delivered: false, fault: 'redirect', status, response: 'moved' });
  expect([outer.got.length, inner.got.length]).toEqual([1, 0]);
});

it.each([400, 404, 410, 500])('takes %d for a failure', async (status) => {
  const { port } = await receiver((_request, response) => response.writeHead(status).end('no'));
  const attempt = await senderOf(true).send(parcel(`http://127.0.0.1:${port}/`));
  expect(attempt).toMatchObject({ delivered: false, fault: 'status', status, response: 'no' });
});

it('keeps a kilobyte of an answer that has no end', async () => {
  const { port } = await receiver((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(`\0${'x'.repeat(5_000)}`));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  const { delivered, response } = await senderOf(true).send(parcel(`http://127.0.0.1:${port}/`));
  expect([delivered, response]).toEqual([true, 'x'.repeat(1_023)]);
});

it('gives up on who does not answer, on names that nobody knows, and on closed ports', async () => {
  const silent = await receiver(() => undefined);
  const sender = senderOf(true);
  sender.tryMs = 200;
  const late = await sender.send(parcel(`http://127.0.0.1:${silent.port}/`));
  expect(late).toMatchObject({ delivered: false, fault: 'timed_out' });
  const stuck = senderOf(true, () => new Promise(() => undefined));
  stuck.tryMs = 100;
  expect(await stuck.send(parcel('http://hooks.example/'))).toMatchObject({ fault: 'timed_out' });
  const unknown = senderOf(true, () => Promise.reject(new Error('ENOTFOUND')));
  expect(await unknown.send(parcel('http://hooks.example/'))).toMatchObject({ fault: 'unknown_host' });
  const [server] = open.splice(0);
  server?.closeAllConnections();
  server?.close();
  expect(await sender.send(parcel(`http://127.0.0.1:${silent.port}/`))).toMatchObject({ fault: 'unreachable' });
});

it.each(['ftp://93.184.215.14/', 'file:///etc/passwd', 'http://user:pass@93.184.215.14/', 'nothing'])(
  'sends nothing to %s',
  async (url) => {
    expect(await senderOf(false).send(parcel(url))).toMatchObject({ delivered: false, fault: 'refused_address' });
  },
);

it('asks for the certificate of the name, at the address that was checked', async () => {
  const names: string[] = [];
  const server = createTlsServer({
    SNICallback: (name, done) => {
      names.push(name);
      done(new Error('no certificate here'));
    },
  }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const attempt = await senderOf(true, () => Promise.resolve([LOOPBACK])).send(
    parcel(`https://hooks.example:${port}/`),
  );
  server.close();
  expect([attempt.fault, names]).toEqual(['unreachable', ['hooks.example']]);
});
