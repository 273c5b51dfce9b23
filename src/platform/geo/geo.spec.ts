// Does a look-up answer with places, and does it stand the absence and the brokenness of a database?
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { Env } from '../../config/env';
import { Geo, toPlace, UnusableGeoDatabase } from './geo';

const anEnv = (geoipDb?: string): Env => Object.assign(new Env(), { GEOIP_DB: geoipDb });

const installed = new Geo(anEnv());

beforeAll(async () => {
  // Where the optional package is absent, the look-ups below find nothing and say so.
  jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  await installed.onModuleInit();
});

describe('toPlace', () => {
  it('reads the flat records of DB-IP', () => {
    expect(toPlace({ country_code: 'US', state1: 'California', city: 'Mountain View' })).toEqual({
      country: 'US',
      region: 'California',
      city: 'Mountain View',
    });
  });

  it('reads the nested records of GeoLite2', () => {
    const found = {
      country: { iso_code: 'GB', names: { en: 'United Kingdom' } },
      subdivisions: [{ iso_code: 'ENG', names: { en: 'England' } }],
      city: { names: { en: 'Boxford' } },
    };
    expect(toPlace(found)).toEqual({ country: 'GB', region: 'England', city: 'Boxford' });
  });

  it.each([null, undefined, 7, 'text', {}, { country_code: 9, city: {} }, { country: null, subdivisions: [null] }])(
    'finds nothing in %j',
    (found) => {
      expect(toPlace(found)).toEqual({ country: '', region: '', city: '' });
    },
  );
});

describe('Geo', () => {
  it('says no place for private, local and malformed addresses', () => {
    for (const address of ['10.1.2.3', '127.0.0.1', '192.168.0.9', '::1', 'fd00::1', 'fe80::1%eth0', 'nonsense', '']) {
      expect(installed.lookup(address)).toEqual({ country: '', region: '', city: '' });
    }
  });

  it('finds public addresses of both kinds with the installed database, and nothing without one', () => {
    expect(installed.lookup('8.8.8.8').country).toBe(installed.isOpen ? 'US' : '');
    // Anycast addresses move between countries from one edition to the next.
    expect(installed.lookup('2001:4860:4860::8888').country).toMatch(installed.isOpen ? /^[A-Z]{2}$/ : /^$/);
  });

  it('answers again what it answered before', () => {
    expect(installed.lookup('8.8.4.4')).toBe(installed.lookup('8.8.4.4'));
  });

  it('answers without a place before it is opened', () => {
    expect(new Geo(anEnv()).lookup('8.8.8.8')).toEqual({ country: '', region: '', city: '' });
  });

  it('does not start with a configured database that is missing or is none', async () => {
    await expect(new Geo(anEnv('/nonexistent/city.mmdb')).onModuleInit()).rejects.toThrow(UnusableGeoDatabase);
    const folder = await mkdtemp(join(tmpdir(), 'geo-'));
    const file = join(folder, 'city.mmdb');
    await writeFile(file, 'not a database');
    await expect(new Geo(anEnv(file)).onModuleInit()).rejects.toThrow(/^GEOIP_DB: the file cannot be opened/);
    await rm(folder, { recursive: true });
  });
});
