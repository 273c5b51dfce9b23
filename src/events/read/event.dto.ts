// What does an event look like to a reader? The answer's shape and its documentation; a line of an NDJSON export has it too.
import { ApiProperty } from '@nestjs/swagger';

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** A text that is null where nothing was sent or could be told; never an empty text. */
const TextOrNull = (description: string, example: string | null = null): PropertyDecorator =>
  ApiProperty({ type: String, nullable: true, description, example });

const HASH = '16 hexadecimal digits: a hash, keyed by the project. ';

/** Campaign parameters of the event's URL. */
export class EventUtmDto {
  @TextOrNull('`utm_source`', 'newsletter') source!: string | null;
  @TextOrNull('`utm_medium`', 'email') medium!: string | null;
  @TextOrNull('`utm_campaign`', 'spring') campaign!: string | null;
  @TextOrNull('`utm_content`') content!: string | null;
  @TextOrNull('`utm_term`') term!: string | null;
}

/** Money: a decimal text and an ISO 4217 code. */
export class EventRevenueDto {
  @ApiProperty({ description: 'At least two decimals, at most four', example: '12.50', format: 'decimal' })
  amount!: string;
  @ApiProperty({ description: 'ISO 4217', example: 'EUR' }) currency!: string;
}

/** An event as it is read. */
export class EventDto {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ example: 'pageview' }) name!: string;
  @ApiProperty({ format: 'date-time', description: 'When it happened, UTC' }) timestamp!: string;
  @ApiProperty({ format: 'date-time', description: 'When the server got it, UTC' }) receivedAt!: string;
  @ApiProperty({ description: `${HASH}The visitor before links by \`userId\``, example: '9f86d081884c7d65' })
  visitorId!: string;
  @TextOrNull(`${HASH}Null: the event brought no \`userId\``) userId!: string | null;
  @TextOrNull(`${HASH}Null: the event brought no \`sessionId\``) sessionId!: string | null;
  @TextOrNull('The whole URL; only path and query where no host was sent', 'https://shop.example/shoes?size=42')
  url!: string | null;
  @TextOrNull('Host of the URL', 'shop.example') hostname!: string | null;
  @TextOrNull('Path of the URL', '/shoes') path!: string | null;
  @TextOrNull('What follows the path, `?` and `#` included', '?size=42') query!: string | null;
  @TextOrNull('Title of the page', 'Shoes') title!: string | null;
  @TextOrNull('Referring URL', 'https://www.google.com/') referrer!: string | null;
  @TextOrNull('Host of the referring URL', 'www.google.com') referrerHost!: string | null;
  @TextOrNull('Where the visit came from', 'Google') source!: string | null;
  @TextOrNull('Kind of source', 'Organic Search') channel!: string | null;
  @ApiProperty({ type: EventUtmDto }) utm!: EventUtmDto;
  @TextOrNull('ISO 3166-1 alpha-2', 'DE') country!: string | null;
  @TextOrNull('Region of the country', 'Berlin') region!: string | null;
  @TextOrNull('City', 'Berlin') city!: string | null;
  @TextOrNull('Browser', 'Firefox') browser!: string | null;
  @TextOrNull('Version of the browser', '131') browserVersion!: string | null;
  @TextOrNull('Operating system', 'Linux') os!: string | null;
  @TextOrNull('Version of the operating system') osVersion!: string | null;
  @TextOrNull('Kind of device', 'desktop') device!: string | null;
  @TextOrNull('Width and height of the screen', '1920x1080') screen!: string | null;
  @TextOrNull('Language that was asked for', 'de-DE') language!: string | null;
  @TextOrNull('Time zone of the device', 'Europe/Berlin') timezone!: string | null;
  @TextOrNull('Address; null unless the project stores addresses') ip!: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'As sent, with the types of the values',
    example: { plan: 'pro', seats: 5, trial: false },
  })
  properties!: Record<string, JsonValue>;
  @ApiProperty({ type: EventRevenueDto, nullable: true }) revenue!: EventRevenueDto | null;
  @ApiProperty({ description: 'Sent by a known bot' }) bot!: boolean;
  @ApiProperty({ description: 'The visitor was derived from address and user agent' }) visitorDerived!: boolean;
  @ApiProperty({ description: 'The server set or corrected the time' }) timeCorrected!: boolean;
}
