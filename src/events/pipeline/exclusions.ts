// Which events does a project not want? Its addresses, countries and paths, compiled once for each settings object.
import { BlockList, isIP } from 'node:net';
import { matcherOf } from '../../common/glob-match';
import type { ProjectSettings } from '../../projects/projects.types';
import { toAddress } from './formats';
import type { IngestStep } from './ingest.types';
import { filter } from './outcomes';

interface Exclusions {
  readonly blocks: BlockList | undefined;
  readonly countries: ReadonlySet<string>;
  readonly matchesPath: ((path: string) => boolean) | undefined;
}

/** Adds an address or CIDR block. One that can't be read excludes nothing: settings are checked where they are written. */
function addBlock(list: BlockList, text: string): void {
  const [address = '', prefix] = text.trim().split('/');
  const bare = prefix === undefined ? toAddress(address) : address;
  const version = isIP(bare);
  if (version === 0) return;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (prefix === undefined) return list.addAddress(bare, family);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (bits >= 0 && bits <= (version === 4 ? 32 : 128)) list.addSubnet(bare, bits, family);
}

function compile(settings: Readonly<ProjectSettings>): Exclusions {
  const { excludedIps, excludedPaths, excludedCountries } = settings;
  let blocks: BlockList | undefined;
  if (excludedIps.length > 0) {
    blocks = new BlockList();
    for (const text of excludedIps) addBlock(blocks, text);
  }
  return {
    blocks,
    countries: new Set(excludedCountries.map((country) => country.toUpperCase())),
    matchesPath: excludedPaths.length > 0 ? matcherOf(excludedPaths) : undefined,
  };
}

const compiled = new WeakMap<object, Exclusions>();

const exclusionsOf = (settings: Readonly<ProjectSettings>): Exclusions => {
  let exclusions = compiled.get(settings);
  if (exclusions === undefined) {
    exclusions = compile(settings);
    compiled.set(settings, exclusions);
  }
  return exclusions;
};

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** Drops events from excluded addresses. */
export const dropExcludedAddress: IngestStep = ({ address }, { project }) => {
  const { blocks } = exclusionsOf(project.settings);
  if (blocks === undefined || address === '') return undefined;
  return blocks.check(address, address.includes(':') ? 'ipv6' : 'ipv4') ? filter('excluded_ip') : undefined;
};

/** Drops events of excluded paths; a glob may be written with or without percent-encoding. */
export const dropExcludedPath: IngestStep = ({ row: { path } }, { project }) => {
  const { matchesPath } = exclusionsOf(project.settings);
  if (matchesPath === undefined || path === '') return undefined;
  const isExcluded = matchesPath(path) || (path.includes('%') && matchesPath(decoded(path)));
  return isExcluded ? filter('excluded_path') : undefined;
};

/** Drops events from excluded countries. */
export const dropExcludedCountry: IngestStep = ({ row: { country } }, { project }) =>
  country !== '' && exclusionsOf(project.settings).countries.has(country) ? filter('excluded_country') : undefined;
