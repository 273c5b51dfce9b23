// What do the routes of derived figures take and answer?
import { ApiProperty } from '@nestjs/swagger';
import { TextField, UuidField } from '../common/validation/fields';
import type { AggregationStatus } from './aggregation.repository';

/** Which project. */
export class RollupParams {
  @UuidField({ description: 'The project' })
  id!: string;
}

/** Which part of its history. */
export class BackfillDto {
  @TextField({
    max: 40,
    optional: true,
    description:
      'Beginning: a day of the project’s zone (`2026-03-01`) or a time with an offset; default: the first event',
  })
  from?: string;

  @TextField({ max: 40, optional: true, description: 'End: a day is included, a time is not; default: now' })
  to?: string;
}

/** How far a project is derived. */
export class RollupsDto {
  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'Events before this are derived, but for what is stale; null: nothing is yet',
  })
  horizon!: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'Where the horizon moves next' })
  closing!: string | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'Zone whose local days are derived' })
  zone!: string | null;

  @ApiProperty({ type: 'integer', description: 'Another number after every change' })
  revision!: number;

  @ApiProperty({ type: 'integer', description: 'Stretches of time that are derived: days, and parts of the last ones' })
  cells!: number;

  @ApiProperty({ type: 'integer', description: 'Those of them that are not answered from raw events for having few' })
  detailedCells!: number;

  @ApiProperty({ type: 'integer', description: 'Events in them' })
  events!: number;

  @ApiProperty({ type: 'integer', description: 'Stretches whose events changed and that wait to be derived again' })
  staleRanges!: number;

  @ApiProperty({ type: 'integer', description: 'Events since the horizon, roughly' })
  pendingEvents!: number;
}

const time = (ms: number | null | undefined): string | null => (ms == null ? null : new Date(ms).toISOString());

/** A project's state as it is shown. */
export const toRollupsDto = (status: AggregationStatus | undefined): RollupsDto => ({
  horizon: time(status?.horizon),
  closing: time(status?.closing),
  zone: status?.zone ?? null,
  revision: status?.revision ?? 0,
  cells: status?.cells ?? 0,
  detailedCells: status?.detailed ?? 0,
  events: status?.events ?? 0,
  staleRanges: status?.stale ?? 0,
  pendingEvents: status?.pending ?? 0,
});
