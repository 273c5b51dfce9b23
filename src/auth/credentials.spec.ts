// Is the key of a request the one that was sent?
import type { FastifyRequest } from 'fastify';
import { presentedKey } from './credentials';

/** A request with headers as Node reads them from these bytes. */
const withHeaders = (headers: Record<string, Buffer>): FastifyRequest =>
  ({
    headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString('latin1')])),
    query: {},
  }) as unknown as FastifyRequest;

const KEY = 'Schlüssel, so lang wie er sein muß, à';

it('is read as UTF-8, in both headers', () => {
  expect(presentedKey(withHeaders({ 'x-api-key': Buffer.from(KEY) }), false)).toBe(KEY);
  expect(presentedKey(withHeaders({ authorization: Buffer.from('Bearer voilà-Schlüssel') }), false)).toBe(
    'voilà-Schlüssel',
  );
});

it('is read as Latin-1 where it is no UTF-8, as browsers send it', () => {
  expect(presentedKey(withHeaders({ 'x-api-key': Buffer.from('Schlüssel', 'latin1') }), false)).toBe('Schlüssel');
});

it('may come twice, if it is the same', () => {
  const both = { 'x-api-key': Buffer.from('Schlüssel'), authorization: Buffer.from('bearer Schlüssel ') };
  expect(presentedKey(withHeaders(both), false)).toBe('Schlüssel');
  expect(() => presentedKey(withHeaders({ ...both, 'x-api-key': Buffer.from('other') }), false)).toThrow(
    'two different keys',
  );
});
