// May a webhook go to this address? Only to the public internet: never to this machine, its network, or what a cloud keeps beside it. Pure.
import { BlockList, isIP } from 'node:net';

/** IPv4 that is not global unicast (IANA's special-purpose registry, and multicast). */
const REFUSED_V4: readonly (readonly [net: string, prefix: number])[] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared by carriers
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local; clouds answer with credentials at 169.254.169.254
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // relays to 6to4, deprecated
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

/** Of IPv6 one block is global unicast; these parts of it are not, or lead to IPv4 that nobody checked. */
const GLOBAL_V6 = ['2000::', 3] as const;
const REFUSED_V6: readonly (readonly [net: string, prefix: number])[] = [
  ['2001::', 23], // protocol assignments: Teredo, benchmarks, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['3fff::', 20], // documentation
];

const refused = new BlockList();
for (const [net, prefix] of REFUSED_V4) refused.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of REFUSED_V6) refused.addSubnet(net, prefix, 'ipv6');
const globalV6 = new BlockList();
globalV6.addSubnet(...GLOBAL_V6, 'ipv6');

/** Whether an address is of the public internet. IPv4 in the clothes of IPv6 (`::ffff:…`, `64:ff9b::…`) is not. */
export const isPublicAddress = (address: string): boolean => {
  if (address.includes('%')) return false;
  const family = isIP(address);
  if (family === 4) return !refused.check(address, 'ipv4');
  return family === 6 && globalV6.check(address, 'ipv6') && !refused.check(address, 'ipv6');
};

/** The address that stands in a URL in place of a name; undefined where it has a name.
 *  The URL's own rules have read it already: `http://2130706433/` and `http://0x7f.1/` are `127.0.0.1`. */
export const addressIn = ({ hostname }: URL): string | undefined => {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? undefined : bare;
};
