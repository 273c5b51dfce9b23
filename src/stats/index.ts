// What may other features use of statistics?
export { StatsModule } from './stats.module';
