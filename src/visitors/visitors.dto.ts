// What may be asked about visitors, and what is the answer? Query strings and answers of the routes under /visitors.
import { ApiProperty } from '@nestjs/swagger';
import { PERIODS } from '../common/period';
import { CursorField, EnumField, LimitField, QueryListField, TextField } from '../common/validation/fields';
import { EventUtmDto } from '../events';
import { MoneyDto, PageDto } from '../stats';
import { SORTS } from './directory/directory.queries';

const HASH = '16 hexadecimal digits: a hash, keyed by the project';
/** Longest cursor of these lists. */
export const MAX_CURSOR = 2_048;

const TextOrNull = (description: string, example: string | null = null): PropertyDecorator =>
  ApiProperty({ type: String, nullable: true, description, example });

/** A stretch of time, and which events of it. */
export class SelectionQuery {
  @EnumField(PERIODS, {
    optional: true,
    description: 'A stretch counted from now, instead of `from` and `to`; without either: `all`',
    example: '30d',
  })
  period?: string;

  @TextField({
    max: 40,
    optional: true,
    description: 'Beginning: a day (`2026-03-01`, local to `timezone`) or a time with an offset',
  })
  from?: string;

  @TextField({ max: 40, optional: true, description: 'End: a day is included, a time is not' })
  to?: string;

  @TextField({
    max: 64,
    optional: true,
    description: 'IANA zone of days and periods; default: the project’s',
    example: 'Europe/Berlin',
  })
  timezone?: string;

  @TextField({
    max: 12_000,
    optional: true,
    description: 'Filter tree over events, as JSON',
    example: '["and",["is","country",["DE","AT"]],["did",["is","event",["signup"]]]]',
  })
  filters?: string;
}

const DIRECTIONS = ['asc', 'desc'] as const;
const SORT_VALUES = SORTS.flatMap((name) => [name, ...DIRECTIONS.map((direction) => `${name}:${direction}`)]);

export class ListVisitorsQuery extends SelectionQuery {
  @TextField({
    max: 200,
    optional: true,
    description:
      'Only this visitor: a `visitorId` or `userId` as it was sent, or the 16 hexadecimal digits that the API shows. The whole identifier, not a part of it',
  })
  search?: string;

  @EnumField(SORT_VALUES, {
    optional: true,
    default: 'lastSeen:desc',
    description: 'Order, largest or newest first unless `:asc` is said; `revenue` needs `currency`',
  })
  sort: string = 'lastSeen:desc';

  @TextField({
    max: 3,
    optional: true,
    pattern: /^[A-Z]{3}$/,
    description: 'ISO 4217 code of the revenue to sort by; nothing is converted',
    example: 'EUR',
  })
  currency?: string;

  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class VisitorParams {
  @TextField({
    max: 16,
    pattern: /^[0-9a-f]{16}$/,
    description: `Visitor or user, ${HASH}. That of a visitor who was linked leads to the user`,
    example: '9f86d081884c7d65',
  })
  id!: string;
}

export class VisitorEventsQuery {
  @QueryListField({
    min: 1,
    max: 20,
    optional: true,
    item: (name) => name.length >= 1 && name.length <= 200,
    itemIs: 'names of 1..200 characters',
    description: 'Only events of these names',
    example: ['pageview', 'signup'],
  })
  names?: string[];

  @EnumField(DIRECTIONS, { optional: true, default: 'desc', description: 'By time: newest or oldest first' })
  order: 'asc' | 'desc' = 'desc';

  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class VisitorSessionsQuery {
  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

/** Place and device. */
export class SurroundingsDto {
  @TextOrNull('ISO 3166-1 alpha-2', 'DE') country!: string | null;
  @TextOrNull('Region of the country', 'Berlin') region!: string | null;
  @TextOrNull('City', 'Berlin') city!: string | null;
  @TextOrNull('Browser', 'Firefox') browser!: string | null;
  @TextOrNull('Operating system', 'Linux') os!: string | null;
  @TextOrNull('Kind of device', 'desktop') device!: string | null;
}

/** What is known of a user. */
export type Traits = Record<string, string | number | boolean | null>;

const TraitsProperty = (): PropertyDecorator =>
  ApiProperty({
    type: 'object',
    additionalProperties: { oneOf: ['string', 'number', 'boolean', 'null'].map((type) => ({ type })) as never },
    nullable: true,
    description: 'What `POST /visitors/identify` said of the user; null: nothing',
    example: { plan: 'pro', seats: 5 },
  });

/** A visitor of the directory. Figures are of the selected events in the range. */
export class VisitorDto extends SurroundingsDto {
  @ApiProperty({ description: `After links by \`userId\`. ${HASH}`, example: '9f86d081884c7d65' }) id!: string;
  @ApiProperty({ description: 'A user: somebody with a `userId`' }) isUser!: boolean;
  @ApiProperty({ format: 'date-time', description: 'First selected event in the range, UTC' }) firstSeen!: string;
  @ApiProperty({ format: 'date-time', description: 'Last selected event in the range, UTC' }) lastSeen!: string;
  @ApiProperty({ type: 'integer', example: 24 }) events!: number;
  @ApiProperty({ type: 'integer', example: 20 }) pageviews!: number;
  @ApiProperty({
    type: 'integer',
    description: 'Sessions that began in the range and hold a selected event',
    example: 3,
  })
  sessions!: number;
  @ApiProperty({ type: [MoneyDto], description: 'Per currency, nothing converted' }) revenue!: MoneyDto[];
  @TraitsProperty() traits!: Traits | null;
}

export class VisitorListDto {
  @ApiProperty({ type: [VisitorDto] }) data!: VisitorDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

/** Where somebody came from. */
export class TouchDto {
  @ApiProperty({ format: 'date-time' }) time!: string;
  @ApiProperty({ description: 'Name of the event', example: 'pageview' }) event!: string;
  @TextOrNull('Host of the page', 'shop.example') hostname!: string | null;
  @TextOrNull('Path of the page', '/shoes') page!: string | null;
  @TextOrNull('Referring URL', 'https://www.google.com/') referrer!: string | null;
  @TextOrNull('Its host', 'www.google.com') referrerHost!: string | null;
  @TextOrNull('Where the visit came from', 'Google') source!: string | null;
  @TextOrNull('Kind of source', 'Organic Search') channel!: string | null;
  @ApiProperty({ type: EventUtmDto }) utm!: EventUtmDto;
}

/** A device of somebody. */
export class VisitorDeviceDto {
  @ApiProperty({ description: `The visitor before links. ${HASH}`, example: '9f86d081884c7d65' }) visitorId!: string;
  @TextOrNull('Kind of device', 'desktop') device!: string | null;
  @TextOrNull('Browser', 'Firefox') browser!: string | null;
  @TextOrNull('Operating system', 'Linux') os!: string | null;
  @ApiProperty({ format: 'date-time' }) firstSeen!: string;
  @ApiProperty({ format: 'date-time' }) lastSeen!: string;
  @ApiProperty({ type: 'integer', example: 24 }) events!: number;
}

/** A place of somebody. */
export class VisitorPlaceDto {
  @TextOrNull('ISO 3166-1 alpha-2', 'DE') country!: string | null;
  @TextOrNull('Region of the country', 'Berlin') region!: string | null;
  @TextOrNull('City', 'Berlin') city!: string | null;
  @ApiProperty({ format: 'date-time' }) firstSeen!: string;
  @ApiProperty({ format: 'date-time' }) lastSeen!: string;
  @ApiProperty({ type: 'integer', example: 24 }) events!: number;
}

/** All that is kept about somebody, as figures. */
export class VisitorProfileDto {
  @ApiProperty({ description: `After links by \`userId\`. ${HASH}`, example: '9f86d081884c7d65' }) id!: string;
  @ApiProperty({ description: 'A user: somebody with a `userId`' }) isUser!: boolean;
  @ApiProperty({
    type: [String],
    description: 'Visitors that were linked to the user, and whose past is therefore the user’s',
    example: ['2c26b46b68ffc68f'],
  })
  visitorIds!: string[];
  @ApiProperty({ format: 'date-time', description: 'First event that is kept' }) firstSeen!: string;
  @ApiProperty({ format: 'date-time' }) lastSeen!: string;
  @ApiProperty({ type: 'integer', example: 24 }) events!: number;
  @ApiProperty({ type: 'integer', example: 20 }) pageviews!: number;
  @ApiProperty({ type: 'integer', example: 3 }) sessions!: number;
  @ApiProperty({ type: [MoneyDto], description: 'Per currency, nothing converted' }) revenue!: MoneyDto[];
  @ApiProperty({ type: TouchDto, description: 'The first event' }) firstTouch!: TouchDto;
  @ApiProperty({ type: TouchDto, description: 'The first event of the session that began last' }) lastTouch!: TouchDto;
  @ApiProperty({ type: [VisitorDeviceDto], description: 'Seen last first, at most 100' }) devices!: VisitorDeviceDto[];
  @ApiProperty({ type: [VisitorPlaceDto], description: 'Seen last first, at most 100' }) places!: VisitorPlaceDto[];
  @TraitsProperty() traits!: Traits | null;
}
