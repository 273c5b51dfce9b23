// The live view, as the application includes it.
export { RealtimeModule } from './realtime.module';
