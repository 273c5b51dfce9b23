// What may be asked about now, what is the answer, and what comes on a stream?
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { QueryListField, TextField } from '../common/validation/fields';
import { EventRevenueDto } from '../events';
import { LIVE_FIELDS, type LiveField } from './event/live-event';

export class RealtimeQuery {
  @TextField({
    max: 12_000,
    optional: true,
    description: 'Filter tree over events, as JSON',
    example: '["is","country",["DE","AT"]]',
  })
  filters?: string;
}

const MOST_NAMES = 50;
const NAME_LENGTH = 200;
const isField = (value: string): boolean => (LIVE_FIELDS as readonly string[]).includes(value);

export class StreamQuery {
  @QueryListField({
    min: 1,
    max: MOST_NAMES,
    optional: true,
    item: (value) => value.length > 0 && value.length <= NAME_LENGTH,
    itemIs: `names of 1 to ${NAME_LENGTH} characters`,
    description: 'Only events of these names; default: all. Figures are of all events in any case',
    example: ['pageview', 'signup'],
  })
  names?: string[];

  @QueryListField({
    min: 1,
    max: LIVE_FIELDS.length,
    optional: true,
    item: isField,
    itemIs: `fields of an event: ${LIVE_FIELDS.join(', ')}`,
    itemSchema: { enum: [...LIVE_FIELDS] },
    description: 'Only these fields of each event; default: all',
    example: ['id', 'name', 'path', 'country'],
  })
  fields?: LiveField[];

  @TextField({
    max: 100,
    optional: true,
    description: 'A ticket instead of a key, for a browser’s `EventSource`; works once, for a minute',
  })
  ticket?: string;

  @TextField({
    max: 64,
    optional: true,
    description: 'As the header `Last-Event-ID`, for a reader that can set no header',
  })
  lastEventId?: string;
}

export class TicketDto {
  @ApiProperty({
    description: 'For `GET /realtime/stream?ticket=`',
    example: 'mrt_2p8QmKJx0uV7bYc3dZ5eTnRwLh1sGfAi4oEjUqXyBvM',
  })
  ticket!: string;
  @ApiProperty({ format: 'date-time', description: 'It opens a stream before this moment; the stream itself lasts on' })
  expiresAt!: string;
}

export class RealtimeMinuteDto {
  @ApiProperty({ format: 'date-time', description: 'Beginning of the minute' }) time!: string;
  @ApiProperty({ type: 'integer', example: 12 }) visitors!: number;
  @ApiProperty({ type: 'integer', example: 31 }) pageviews!: number;
  @ApiProperty({ type: 'integer', example: 40 }) events!: number;
}

export class RealtimeTopDto {
  @ApiProperty({ description: '`""`: none, as the referrer of direct traffic', example: '/pricing' }) value!: string;
  @ApiProperty({ type: 'integer', example: 7 }) visitors!: number;
  @ApiProperty({ type: 'integer', description: 'Pageviews of a page or a referrer; else events', example: 19 })
  count!: number;
}

const VISITORS = 'Distinct visitors, after links by `userId`, with an event in the last';

export class RealtimeDataDto {
  @ApiProperty({ type: 'integer', description: `${VISITORS} 5 minutes`, example: 31 }) visitors5m!: number;
  @ApiProperty({ type: 'integer', description: `${VISITORS} 30 minutes`, example: 118 }) visitors30m!: number;
  @ApiProperty({ type: [RealtimeMinuteDto], description: '30 minutes, oldest first; the last one is running' })
  minutes!: RealtimeMinuteDto[];
  @ApiProperty({ type: [RealtimeTopDto], description: 'Up to ten paths, most visitors first' })
  pages!: RealtimeTopDto[];
  @ApiProperty({ type: [RealtimeTopDto], description: 'Up to ten hosts' }) referrers!: RealtimeTopDto[];
  @ApiProperty({ type: [RealtimeTopDto], description: 'Up to ten countries, ISO 3166-1 alpha-2' })
  countries!: RealtimeTopDto[];
  @ApiProperty({ type: [RealtimeTopDto], description: 'Up to ten names' }) events!: RealtimeTopDto[];
}

export class RealtimeMetaDto {
  @ApiProperty({ format: 'date-time', description: 'Half an hour before `to`' }) from!: string;
  @ApiProperty({ format: 'date-time', description: 'The moment of the answer, exclusive' }) to!: string;
  @ApiProperty({ example: 'UTC' }) timezone!: string;
  @ApiProperty({ example: 'minute' }) interval!: string;
}

export class RealtimeDto {
  @ApiProperty({ type: RealtimeDataDto }) data!: RealtimeDataDto;
  @ApiProperty({ type: RealtimeMetaDto }) meta!: RealtimeMetaDto;
}

const text = (description: string, example: string | null = null): PropertyDecorator =>
  ApiPropertyOptional({ type: String, nullable: true, description, example });

/** Data of `event: event`. Fields that were not chosen are not there. */
export class LiveEventDto {
  @ApiPropertyOptional({ format: 'uuid' }) id?: string;
  @ApiPropertyOptional({ example: 'pageview' }) name?: string;
  @ApiPropertyOptional({ format: 'date-time', description: 'When it happened' }) timestamp?: string;
  @ApiPropertyOptional({ format: 'date-time', description: 'When the server got it' }) receivedAt?: string;
  @ApiPropertyOptional({ description: 'Hash, keyed by the project, before links', example: '9f86d081884c7d65' })
  visitorId?: string;
  @text('Hash, keyed by the project') userId?: string | null;
  @text('Host of the URL', 'shop.example') hostname?: string | null;
  @text('Path of the URL', '/pricing') path?: string | null;
  @text('Title of the page', 'Pricing') title?: string | null;
  @text('Host of the referring URL', 'www.google.com') referrerHost?: string | null;
  @text('Where the visit came from', 'Google') source?: string | null;
  @text('Kind of source', 'Organic Search') channel?: string | null;
  @text('ISO 3166-1 alpha-2', 'DE') country?: string | null;
  @text('Region of the country', 'Berlin') region?: string | null;
  @text('City', 'Berlin') city?: string | null;
  @text('Browser', 'Firefox') browser?: string | null;
  @text('Operating system', 'Linux') os?: string | null;
  @text('Kind of device', 'desktop') device?: string | null;
  @text('Width and height of the screen', '1920x1080') screen?: string | null;
  @text('Language that was asked for', 'de-DE') language?: string | null;
  @ApiPropertyOptional({ description: 'Sent by a known bot' }) bot?: boolean;
  @ApiPropertyOptional({ type: EventRevenueDto, nullable: true }) revenue?: EventRevenueDto | null;
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'As sent; null where they were too large to travel',
    example: { plan: 'pro' },
  })
  properties?: Record<string, unknown> | null;
  @ApiPropertyOptional({ description: 'There, and true, where parts were left out for size' }) truncated?: boolean;
}

/** Data of `event: stats`. */
export class LiveStatsDto {
  @ApiProperty({ format: 'date-time', description: 'The moment of the figures' }) at!: string;
  @ApiProperty({ type: 'integer', description: `${VISITORS} 5 minutes` }) visitors5m!: number;
  @ApiProperty({ type: 'integer', description: `${VISITORS} 30 minutes` }) visitors30m!: number;
  @ApiProperty({ type: 'integer' }) pageviews5m!: number;
  @ApiProperty({ type: 'integer' }) pageviews30m!: number;
  @ApiProperty({ type: 'integer' }) events5m!: number;
  @ApiProperty({ type: 'integer' }) events30m!: number;
}

/** Why events may be missing. */
export const GAP_REASONS = ['connection_lost', 'not_sent', 'expired'] as const;
/** One of them. */
export type GapReason = (typeof GAP_REASONS)[number];

/** Data of `event: gap`: events may be missing; a `snapshot` follows. */
export class LiveGapDto {
  @ApiProperty({
    enum: GAP_REASONS,
    description:
      '`connection_lost`: this server could not hear the others for a while; `not_sent`: another server could not send; `expired`: what came after `Last-Event-ID` is not kept any more',
  })
  reason!: GapReason;
}

/** Data of `event: dropped`, the first message of a reader that comes back. */
export class LiveDroppedDto {
  @ApiProperty({ enum: ['slow_reader'], description: 'It left more unread than a stream may' }) reason!: 'slow_reader';
  @ApiProperty({ format: 'date-time', description: 'When the earlier stream was ended' }) at!: string;
  @ApiProperty({ type: 'integer', description: 'Bytes that it had left unread' }) unreadBytes!: number;
}

/** Data of `event: heartbeat`. */
export class LiveHeartbeatDto {
  @ApiProperty({ format: 'date-time' }) at!: string;
}

/** Why the server ends a stream. */
export const BYE_REASONS = ['shutdown', 'key_revoked'] as const;
/** One of them. */
export type ByeReason = (typeof BYE_REASONS)[number];

/** Data of `event: bye`, the last message of a stream that the server ends. */
export class LiveByeDto {
  @ApiProperty({ enum: BYE_REASONS }) reason!: ByeReason;
}
