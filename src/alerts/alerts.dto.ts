// What do requests and answers about alerts look like?
import { ApiProperty } from '@nestjs/swagger';
import {
  BoolField,
  CursorField,
  EnumField,
  IntField,
  LimitField,
  NumberField,
  ObjectField,
  PageField,
  TextField,
  UrlField,
  UuidField,
} from '../common/validation/fields';
import { field } from '../common/validation/rules';
import { ALERT_STATES, CONDITIONS, FAULTS, type Alert, type Attempt } from './alerts.types';

const MAX_NAME = 100;
const MAX_METRIC = 1_100;
const MAX_URL = 2_048;
const MIN_WINDOW = 60;
const MAX_WINDOW = 2_678_400;
const MAX_THRESHOLD = 1e15;
const EXAMPLE_URL = 'https://hooks.shop.example/millrace';

/** Where an alert's messages go. */
export class WebhookDto {
  @UrlField({
    max: MAX_URL,
    description: 'http or https, without user and password, leading to public addresses only',
    example: EXAMPLE_URL,
  })
  url!: string;
}

const nameField = (optional: boolean): PropertyDecorator =>
  TextField({ max: MAX_NAME, trim: true, optional, description: 'Unique in the project', example: 'No more orders' });
const metricField = (optional: boolean): PropertyDecorator =>
  TextField({ max: MAX_METRIC, optional, description: 'Any metric of statistics that is a number', example: 'events' });
const windowField = (optional: boolean): PropertyDecorator =>
  IntField({
    min: MIN_WINDOW,
    max: MAX_WINDOW,
    optional,
    description: 'Seconds up to now that the figure is of',
    example: 3_600,
  });
const conditionField = (optional: boolean): PropertyDecorator =>
  EnumField(CONDITIONS, {
    optional,
    description:
      '`above` and `below`: more, less than the threshold. `increasesBy` and `decreasesBy`: the change from the window before, as a fraction of its figure, is the threshold or more',
    example: 'below',
  });
const thresholdField = (optional: boolean): PropertyDecorator =>
  NumberField({
    min: -MAX_THRESHOLD,
    max: MAX_THRESHOLD,
    optional,
    description: 'A value of the metric; for changes a fraction of more than 0: 0.5 is 50 %',
    example: 1,
  });
const webhookField = (optional: boolean): PropertyDecorator =>
  ObjectField(() => WebhookDto, { optional, description: 'Who is told', example: { url: EXAMPLE_URL } });

class AlertFields {
  @field(
    [{ code: 'not_a_list', test: Array.isArray, message: 'must be a list such as ["is", "page", ["/"]]' }],
    { type: 'array', items: {} },
    {
      optional: true,
      nullable: true,
      description: 'Filter tree, as in statistics; it may name goals. At most 12,000 characters as JSON',
      example: ['is', 'event', ['order']],
    },
  )
  filters?: unknown[] | null;

  @BoolField({ optional: true, default: true, description: 'Whether it is checked' })
  enabled?: boolean;
}

/** A new alert. */
export class CreateAlertDto extends AlertFields {
  @nameField(false)
  name!: string;

  @metricField(false)
  metric!: string;

  @windowField(false)
  window!: number;

  @conditionField(false)
  condition!: string;

  @thresholdField(false)
  threshold!: number;

  @webhookField(false)
  webhook!: WebhookDto;
}

/** A change: what is left out stays as it is; `filters` of null are taken away. */
export class UpdateAlertDto extends AlertFields {
  @nameField(true)
  name?: string;

  @metricField(true)
  metric?: string;

  @windowField(true)
  window?: number;

  @conditionField(true)
  condition?: string;

  @thresholdField(true)
  threshold?: number;

  @webhookField(true)
  webhook?: WebhookDto;
}

/** Which alert. */
export class AlertParams {
  @UuidField({ description: 'The alert' })
  id!: string;
}

/** Which part of a project's alerts. */
export class ListAlertsQuery {
  @LimitField('alerts')
  limit?: number;

  @CursorField()
  cursor?: string;
}

/** An alert. */
export class AlertDto {
  @ApiProperty({ format: 'uuid', example: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10' })
  id!: string;

  @ApiProperty({ example: 'No more orders' })
  name!: string;

  @ApiProperty({ example: 'events' })
  metric!: string;

  @ApiProperty({
    type: 'array',
    items: {},
    nullable: true,
    description: 'Filter tree',
    example: ['is', 'event', ['order']],
  })
  filters!: unknown[] | null;

  @ApiProperty({ type: 'integer', description: 'Seconds', example: 3_600 })
  window!: number;

  @ApiProperty({ enum: [...CONDITIONS], example: 'below' })
  condition!: string;

  @ApiProperty({ example: 1 })
  threshold!: number;

  @ApiProperty({ type: () => WebhookDto, example: { url: EXAMPLE_URL } })
  webhook!: WebhookDto;

  @ApiProperty({ example: true })
  enabled!: boolean;

  @ApiProperty({
    enum: [...ALERT_STATES],
    description:
      '`unknown`: not checked since it was made, changed or enabled, or there is no figure: the mean of nothing, a goal that was deleted, a question that is too large',
    example: 'ok',
  })
  state!: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, example: '2026-03-01T09:30:00.250Z' })
  lastCheckedAt!: string | null;

  @ApiProperty({ type: 'number', nullable: true, description: 'The figure that was found then', example: 12 })
  lastValue!: number | null;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250Z' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250Z' })
  updatedAt!: string;
}

/** An alert with its secret, in the answer that makes it and nowhere else. */
export class NewAlertDto extends AlertDto {
  @ApiProperty({
    description: 'Key of the signatures, shown this once',
    example: 'whsec_2Qm0cV7h3s0nUeB1yXoK9dLrT5gZaPwF',
  })
  secret!: string;
}

/** A new secret. */
export class AlertSecretDto {
  @ApiProperty({
    description: 'Key of the signatures, shown this once',
    example: 'whsec_2Qm0cV7h3s0nUeB1yXoK9dLrT5gZaPwF',
  })
  secret!: string;
}

/** How a test went. */
export class AlertTestDto {
  @ApiProperty({
    format: 'uuid',
    description: 'As in `Millrace-Delivery`',
    example: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10',
  })
  id!: string;

  @ApiProperty({ description: 'Whether the receiver answered 2xx', example: true })
  delivered!: boolean;

  @ApiProperty({
    type: 'string',
    enum: [...FAULTS, null],
    nullable: true,
    description:
      'Why it was not delivered. `refused_address`: the URL or its name leads to an address that is not public; `redirect`: redirects are not followed; `status`: the answer was not 2xx',
    example: null,
  })
  fault!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'HTTP status of the answer', example: 204 })
  status!: number | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'The first kilobyte of the answer', example: '' })
  response!: string | null;

  @ApiProperty({ description: 'Seconds', example: 0.042 })
  duration!: number;
}

/** One page of alerts. */
export class AlertListDto {
  @ApiProperty({ type: [AlertDto] })
  data!: AlertDto[];

  @PageField()
  page!: { next: string | null };
}

/** An alert as it is shown. */
export const toAlertDto = (alert: Alert): AlertDto => ({
  id: alert.id,
  name: alert.name,
  metric: alert.metric,
  filters: alert.filters === undefined ? null : [...alert.filters],
  window: alert.windowSeconds,
  condition: alert.condition,
  threshold: alert.threshold,
  webhook: { url: alert.url },
  enabled: alert.enabled,
  state: alert.state,
  lastCheckedAt: alert.lastCheckedAt === null ? null : new Date(alert.lastCheckedAt).toISOString(),
  lastValue: alert.lastValue,
  createdAt: new Date(alert.createdAt).toISOString(),
  updatedAt: new Date(alert.updatedAt).toISOString(),
});

/** A test as it is shown. */
export const toAlertTestDto = ({ durationMs, ...attempt }: Attempt & { id: string }): AlertTestDto => ({
  ...attempt,
  duration: durationMs / 1_000,
});
