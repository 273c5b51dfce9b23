// What may other features use of funnels?
export { FunnelsModule } from './funnels.module';
