// Who provides `Geo`? A module for every feature that asks where an address is. `Env` comes from the application's global providers.
import { Module } from '@nestjs/common';
import { Geo } from './geo';

/** Provides `Geo`. */
@Module({ providers: [Geo], exports: [Geo] })
export class GeoModule {}
