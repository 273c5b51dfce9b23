// Can a store have the port that it had before? Those who are connected know no other.
import { createServer } from 'node:net';

/** Whether a port of loopback is free just now. */
export const portIsFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
