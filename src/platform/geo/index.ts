// What may features use of the city database?
export { Geo } from './geo';
export type { Place } from './geo';
export { GeoModule } from './geo.module';
