// What do requests and answers about webhooks look like?
import { ApiProperty } from '@nestjs/swagger';
import { CursorField, EnumField, LimitField, PageField, UuidField } from '../common/validation/fields';
import { DELIVERY_STATES, FAULTS, MESSAGE_TYPES, type Delivery } from './alerts.types';

/** Which delivery. */
export class DeliveryParams {
  @UuidField({ description: 'The delivery' })
  id!: string;
}

/** Which part of a project's deliveries. */
export class ListDeliveriesQuery {
  @EnumField(DELIVERY_STATES, { optional: true, description: 'Only those in this state' })
  state?: Delivery['state'];

  @UuidField({ optional: true, description: 'Only those of this alert' })
  alertId?: string;

  @LimitField('deliveries')
  limit?: number;

  @CursorField()
  cursor?: string;
}

/** The last try of a delivery. */
export class DeliveryAttemptDto {
  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250Z' })
  at!: string;

  @ApiProperty({
    type: 'string',
    enum: [...FAULTS, null],
    nullable: true,
    description: 'Why it failed',
    example: 'status',
  })
  fault!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'HTTP status of the answer', example: 503 })
  status!: number | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'The first kilobyte of the answer', example: 'busy' })
  response!: string | null;
}

/** A message to a receiver. */
export class DeliveryDto {
  @ApiProperty({
    format: 'uuid',
    description: 'As in `Millrace-Delivery`',
    example: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10',
  })
  id!: string;

  @ApiProperty({ format: 'uuid', example: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e11' })
  alertId!: string;

  @ApiProperty({ enum: [...MESSAGE_TYPES], example: 'alert.firing' })
  type!: string;

  @ApiProperty({ enum: [...DELIVERY_STATES], description: '`dead`: its tries are used up', example: 'dead' })
  state!: string;

  @ApiProperty({ type: 'integer', description: 'Tries since it was made, or last replayed', example: 8 })
  attempts!: number;

  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'When it is tried again',
    example: null,
  })
  nextAttemptAt!: string | null;

  @ApiProperty({ type: () => DeliveryAttemptDto, nullable: true })
  lastAttempt!: DeliveryAttemptDto | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The body that is sent',
    example: { id: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10', type: 'alert.firing', value: 0 },
  })
  payload!: Record<string, unknown>;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250Z' })
  createdAt!: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, example: null })
  deliveredAt!: string | null;
}

/** One page of deliveries. */
export class DeliveryListDto {
  @ApiProperty({ type: [DeliveryDto] })
  data!: DeliveryDto[];

  @PageField()
  page!: { next: string | null };
}

const iso = (at: number): string => new Date(at).toISOString();

/** A delivery as it is shown. */
export const toDeliveryDto = (delivery: Delivery): DeliveryDto => ({
  id: delivery.id,
  alertId: delivery.alertId,
  type: delivery.type,
  state: delivery.state,
  attempts: delivery.attempts,
  nextAttemptAt: delivery.state === 'pending' ? iso(delivery.nextAttemptAt) : null,
  lastAttempt:
    delivery.lastAttemptAt === null
      ? null
      : {
          at: iso(delivery.lastAttemptAt),
          fault: delivery.lastFault,
          status: delivery.lastStatus,
          response: delivery.lastResponse,
        },
  payload: JSON.parse(delivery.body) as Record<string, unknown>,
  createdAt: iso(delivery.createdAt),
  deliveredAt: delivery.deliveredAt === null ? null : iso(delivery.deliveredAt),
});
