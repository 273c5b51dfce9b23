// What may features use of the audit log?
export { type Actor, CurrentActor } from './actor';
export { AuditLog, type AuditEntry, type Changes, changesBetween } from './audit-log';
export { AuditModule } from './audit.module';
