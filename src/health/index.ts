// What other parts may use of this feature.
export { HealthModule } from './health.module';
