// What may a reader of events ask for, and what is the answer? Query strings and answers of the read routes.
import { ApiProperty } from '@nestjs/swagger';
import { INTERVALS, type Interval } from '../../common/buckets';
import { PERIODS } from '../../common/period';
import { CursorField, EnumField, LimitField, QueryListField, TextField } from '../../common/validation/fields';
import { EventDto, type JsonValue } from './event.dto';
import { EXPORT_FORMATS, type ExportFormat } from './export.queries';

const MAX_TEXT = 200;
const MAX_CURSOR = 2_048;
const MAX_FILTERS = 12_000;
/** Names in one time series. */
export const MAX_SERIES = 20;

const SearchField = (where: string): PropertyDecorator =>
  TextField({ max: MAX_TEXT, optional: true, description: `Only ${where} that hold this text; case is ignored` });
const IdentifierField = (what: string): PropertyDecorator =>
  TextField({
    max: MAX_TEXT,
    optional: true,
    description: `${what}: as it was sent, or the 16 hexadecimal digits that events show`,
  });

/** A stretch of time. */
export class EventRangeQuery {
  @EnumField(PERIODS, { optional: true, description: 'A stretch counted from now, instead of `from` and `to`' })
  period?: string;

  @TextField({
    max: 40,
    optional: true,
    description: 'Beginning: a day (`2026-03-01`, local to `timezone`) or a time with an offset',
    example: '2026-03-01',
  })
  from?: string;

  @TextField({
    max: 40,
    optional: true,
    description: 'End: a day is included, a time is not',
    example: '2026-03-31',
  })
  to?: string;

  @TextField({
    max: 64,
    optional: true,
    description: 'IANA zone of days and periods; default: the project’s',
    example: 'Europe/Berlin',
  })
  timezone?: string;
}

/** Which events. */
export class EventSelectionQuery extends EventRangeQuery {
  @TextField({ max: MAX_TEXT, optional: true, description: 'Only events of this name', example: 'pageview' })
  name?: string;

  @TextField({
    max: MAX_FILTERS,
    optional: true,
    description: 'Filter tree, as JSON',
    example: '["and",["is","country",["DE","AT"]],["gt","property:seats",[3]]]',
  })
  filters?: string;
}

/** Whose events. */
export class EventIdentityQuery extends EventSelectionQuery {
  @IdentifierField(
    'Only events of this visitor, before links by `userId` (the filter dimension `visitor` is after them)',
  )
  visitorId?: string;

  @IdentifierField('Only events that brought this user')
  userId?: string;

  @IdentifierField('Only events that brought this session')
  sessionId?: string;
}

export class ListEventsQuery extends EventIdentityQuery {
  @EnumField(['desc', 'asc'], { optional: true, default: 'desc', description: 'By time: newest or oldest first' })
  order: 'asc' | 'desc' = 'desc';

  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class ExportEventsQuery extends EventIdentityQuery {
  @EnumField(EXPORT_FORMATS, { description: 'Form of the file' })
  format!: ExportFormat;
}

export class EventSummaryQuery extends EventSelectionQuery {
  @SearchField('names') search?: string;
  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class EventTimeseriesQuery extends EventRangeQuery {
  @QueryListField({
    min: 1,
    max: MAX_SERIES,
    optional: true,
    item: (name) => name.length >= 1 && name.length <= MAX_TEXT,
    itemIs: `names of 1..${MAX_TEXT} characters`,
    description: `Names of events, at most ${MAX_SERIES}; default: the most frequent ones of the range`,
    example: 'pageview,signup',
  })
  names?: string[];

  @EnumField(INTERVALS, {
    optional: true,
    default: 'day',
    description: 'Length of a bucket, in local time; weeks begin on Monday',
  })
  interval: Interval = 'day';

  @TextField({ max: MAX_FILTERS, optional: true, description: 'Filter tree, as JSON' })
  filters?: string;
}

export class PropertyKeysQuery extends EventSelectionQuery {
  @SearchField('keys') search?: string;
  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class PropertyValuesQuery extends EventSelectionQuery {
  @SearchField('values') search?: string;
  @LimitField('items') limit: number = 50;
}

export class ListRejectedQuery extends EventRangeQuery {
  @TextField({
    max: 100,
    optional: true,
    description: 'Only events that were refused for this reason',
    example: 'invalid_event',
  })
  code?: string;

  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class PropertyKeyParams {
  @TextField({ max: MAX_TEXT, description: 'Key of a property', example: 'plan' })
  key!: string;
}

/** Where a list goes on. */
export class PageDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description: '`cursor` of the next page; null at the end',
    example: null,
  })
  next!: string | null;
}

export class EventListDto {
  @ApiProperty({ type: [EventDto] }) data!: EventDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

export class EventSummaryDto {
  @ApiProperty({ example: 'signup' }) name!: string;
  @ApiProperty({ type: 'integer', example: 120 }) events!: number;
  @ApiProperty({ type: 'integer', description: 'Distinct visitors after links by `userId`, exact', example: 97 })
  visitors!: number;
  @ApiProperty({ format: 'date-time' }) firstSeenAt!: string;
  @ApiProperty({ format: 'date-time' }) lastSeenAt!: string;
}

export class EventSummaryListDto {
  @ApiProperty({ type: [EventSummaryDto], description: 'By name' }) data!: EventSummaryDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

export class EventBucketDto {
  @ApiProperty({
    format: 'date-time',
    description: 'Beginning of the bucket, in the zone',
    example: '2026-03-01T00:00:00.000+01:00',
  })
  time!: string;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Events of each name; 0 where there were none',
    example: { pageview: 120, signup: 3 },
  })
  counts!: Record<string, number>;
}

export class EventTimeseriesMetaDto {
  @ApiProperty({ format: 'date-time' }) from!: string;
  @ApiProperty({ format: 'date-time', description: 'Exclusive' }) to!: string;
  @ApiProperty({ example: 'Europe/Berlin' }) timezone!: string;
  @ApiProperty({ enum: INTERVALS }) interval!: Interval;
  @ApiProperty({ type: [String], example: ['pageview', 'signup'] }) names!: string[];
}

export class EventTimeseriesDto {
  @ApiProperty({ type: [EventBucketDto], description: 'Every bucket of the range, oldest first' })
  data!: EventBucketDto[];
  @ApiProperty({ type: EventTimeseriesMetaDto }) meta!: EventTimeseriesMetaDto;
}

/** Types that a property's values can have. */
export const JSON_TYPES = ['string', 'number', 'boolean', 'object', 'array', 'null'] as const;

export class PropertyKeyDto {
  @ApiProperty({ example: 'plan' }) key!: string;
  @ApiProperty({ type: 'integer', description: 'Events that have it', example: 120 }) events!: number;
  @ApiProperty({
    type: 'object',
    properties: Object.fromEntries(JSON_TYPES.map((type) => [type, { type: 'integer' }])),
    additionalProperties: false,
    description: 'Types that were seen, and in how many events',
    example: { string: 118, null: 2 },
  })
  types!: Record<string, number>;
}

export class PropertyKeyListDto {
  @ApiProperty({ type: [PropertyKeyDto], description: 'By key' }) data!: PropertyKeyDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

export class PropertyValueDto {
  @ApiProperty({
    description: 'The value, with its type',
    example: 'pro',
    oneOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'object' },
      { type: 'array', items: {} },
      { type: 'null' },
    ] as never,
  })
  value!: JsonValue;
  @ApiProperty({ type: 'integer', example: 80 }) events!: number;
}

export class PropertyValueListDto {
  @ApiProperty({ type: [PropertyValueDto], description: 'The most frequent first' }) data!: PropertyValueDto[];
  @ApiProperty({ type: PageDto, description: 'Always at its end: search, or raise the limit, to see others' })
  page!: PageDto;
}

export class RejectedErrorDto {
  @ApiProperty({ example: 'properties' }) path!: string;
  @ApiProperty({ example: 'too_deep' }) code!: string;
  @ApiProperty({ example: 'must be at most 3 levels deep' }) message!: string;
}

export class RejectedEventDto {
  @ApiProperty({ format: 'uuid', description: 'Of the refusal, not of the event' }) id!: string;
  @ApiProperty({ format: 'date-time' }) receivedAt!: string;
  @ApiProperty({ type: String, nullable: true, description: 'The event’s own id, as it was sent' }) eventId!:
    string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The event’s name, as it was sent' }) name!: string | null;
  @ApiProperty({ description: 'Why', example: 'invalid_event' }) code!: string;
  @ApiProperty({ type: [RejectedErrorDto] }) errors!: RejectedErrorDto[];
  @ApiProperty({
    description: 'The event as it was sent, identifiers hashed; a text where it was not JSON or had to be cut',
    oneOf: [
      { type: 'object' },
      { type: 'array', items: {} },
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
    ] as never,
  })
  payload!: JsonValue;
}

export class RejectedEventListDto {
  @ApiProperty({ type: [RejectedEventDto], description: 'Newest first' }) data!: RejectedEventDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}
