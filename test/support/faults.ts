// How does a test take a store away? A proxy on its connection that lets through, hangs, refuses, or loses the answer.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** - `pass`: nothing is wrong
 *  - `refuse`: connections break at once, as with a server that is gone
 *  - `hang`: connections are taken and never answered, as with a process that is stopped
 *  - `mute`: requests arrive and are carried out, their answers are lost and the connection breaks */
export type Fault = 'pass' | 'refuse' | 'hang' | 'mute';

/** A store seen through a proxy. */
export interface FaultyStore {
  /** The store's URL, through the proxy. */
  readonly url: string;
  set(fault: Fault): void;
  close(): Promise<void>;
}

/** Puts a proxy before a store. */
export async function aFaultyStore(storeUrl: string): Promise<FaultyStore> {
  const target = new URL(storeUrl);
  const open = new Set<Socket>();
  let fault: Fault = 'pass';
  const server = createServer((client) => {
    open.add(client);
    client.on('close', () => open.delete(client)).on('error', () => undefined);
    if (fault === 'refuse') return client.destroy();
    if (fault === 'hang') return client.resume();
    const store = connect(Number(target.port), target.hostname);
    open.add(store);
    store.on('close', () => open.delete(store)).on('error', () => client.destroy());
    client.on('data', (chunk) => {
      if (fault !== 'hang') store.write(chunk);
    });
    store.on('data', (chunk) => {
      if (fault === 'mute') client.destroy();
      else if (fault === 'pass') client.write(chunk);
    });
    client.on('end', () => store.end());
    store.on('end', () => client.end());
    return client;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(storeUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    set(next) {
      fault = next;
      if (next === 'refuse') for (const socket of open) socket.destroy();
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
