// What may others use of alerts? The module alone: nobody asks them anything.
export { AlertsModule } from './alerts.module';
