// What may be asked about sessions, and what is the answer?
import { ApiProperty } from '@nestjs/swagger';
import { CursorField, EnumField, LimitField, TextField } from '../../common/validation/fields';
import { EventDto, EventUtmDto } from '../../events';
import { MoneyDto, PageDto } from '../../stats';
import { SESSION_ID } from '../session-id';
import { MAX_CURSOR, SelectionQuery, SurroundingsDto } from '../visitors.dto';

const EXAMPLE = '9f86d081884c7d65-0000000000000000-mm7p2r5s';
const TextOrNull = (description: string, example: string | null = null): PropertyDecorator =>
  ApiProperty({ type: String, nullable: true, description, example });

export class ListSessionsQuery extends SelectionQuery {
  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

export class SessionParams {
  @TextField({ max: 43, pattern: SESSION_ID, description: 'Id of a session', example: EXAMPLE })
  id!: string;
}

export class SessionEventsQuery {
  @EnumField(['asc', 'desc'], { optional: true, default: 'asc', description: 'By time: oldest or newest first' })
  order: 'asc' | 'desc' = 'asc';

  @LimitField('items') limit: number = 50;
  @CursorField(MAX_CURSOR) cursor?: string;
}

/** A session, whole. Place, device and where it came from are those of its first event. */
export class SessionDto extends SurroundingsDto {
  @ApiProperty({
    description:
      'Opaque. An id that was once given goes on to lead to the session after a late event moved its beginning, or a link its visitor; the answer then has the new id',
    example: EXAMPLE,
  })
  id!: string;
  @ApiProperty({ description: 'Whose: after links by `userId`, 16 hexadecimal digits', example: '9f86d081884c7d65' })
  visitorId!: string;
  @TextOrNull('Hash of the `sessionId` that its events brought, 16 hexadecimal digits; null: none') sessionId!:
    string | null;
  @ApiProperty({ description: 'Of a user: somebody with a `userId`' }) isUser!: boolean;
  @ApiProperty({ format: 'date-time', description: 'First event, UTC' }) startedAt!: string;
  @ApiProperty({ format: 'date-time', description: 'Last event, UTC' }) endedAt!: string;
  @ApiProperty({ description: 'Seconds from the first to the last event', example: 312.5 }) duration!: number;
  @ApiProperty({ description: 'One pageview and no other event' }) bounce!: boolean;
  @ApiProperty({ type: 'integer', example: 7 }) events!: number;
  @ApiProperty({ type: 'integer', example: 5 }) pageviews!: number;
  @TextOrNull('Path of the first pageview', '/') entryPage!: string | null;
  @TextOrNull('Path of the last pageview', '/checkout') exitPage!: string | null;
  @TextOrNull('Referring URL', 'https://www.google.com/') referrer!: string | null;
  @TextOrNull('Its host', 'www.google.com') referrerHost!: string | null;
  @TextOrNull('Where the visit came from', 'Google') source!: string | null;
  @TextOrNull('Kind of source', 'Organic Search') channel!: string | null;
  @ApiProperty({ type: EventUtmDto }) utm!: EventUtmDto;
  @ApiProperty({ type: [MoneyDto], description: 'Per currency, nothing converted' }) revenue!: MoneyDto[];
}

export class SessionListDto {
  @ApiProperty({ type: [SessionDto], description: 'Newest first' }) data!: SessionDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

/** A session with a page of its events. */
export class SessionEventsDto {
  @ApiProperty({ type: SessionDto }) session!: SessionDto;
  @ApiProperty({ type: [EventDto] }) data!: EventDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}
