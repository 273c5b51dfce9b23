// What may other features, and the application, use of visitors?
export { VisitorsModule } from './visitors.module';
