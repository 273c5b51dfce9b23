// The audit log: written by every feature that changes something, read by owners.
import { Global, Module } from '@nestjs/common';
import { AuditLog } from './audit-log';

@Global()
@Module({ providers: [AuditLog], exports: [AuditLog] })
export class AuditModule {}
