// What do requests and answers about projects look like?
import { ApiProperty } from '@nestjs/swagger';
import {
  BoolField,
  CursorField,
  DateField,
  EnumField,
  IntField,
  LimitField,
  ListField,
  ObjectField,
  PageField,
  TextField,
  TimeZoneField,
  UuidField,
} from '../common/validation/fields';
import { isAddressBlock, isCountry, isHostName, isWebOrigin } from '../common/validation/texts';
import type { Project, ProjectSettings } from './projects.types';

const MOST_ITEMS = 1_000;
/** Each event's path is held against all of them: the most that takes is a quarter of a second. */
const MOST_GLOB_TEXT = 10_000;

/** A limit of the project's own. */
export class RateLimitDto {
  @IntField({ min: 1, max: 1_000_000_000, description: 'Most events in a window' })
  events!: number;

  @IntField({ min: 1, max: 86_400, description: 'Length of the window, seconds' })
  perSeconds!: number;
}

/** Settings; those that are left out keep their value, or have their default in a new project. */
export class SettingsInput {
  @IntField({
    min: 1,
    max: 3_650,
    optional: true,
    nullable: true,
    default: null,
    description: 'Days that events are kept; null: for good',
  })
  retentionDays?: number | null;

  @ListField({
    optional: true,
    max: MOST_ITEMS,
    item: isAddressBlock,
    itemIs: 'an IP address or a CIDR block',
    description: 'Addresses whose events are dropped',
    example: ['192.0.2.0/24', '2001:db8::/32'],
  })
  excludedIps?: string[];

  @ListField({
    optional: true,
    max: 300,
    item: isCountry,
    itemIs: 'an ISO 3166-1 alpha-2 code in capitals',
    itemSchema: { pattern: '^[A-Z]{2}$' },
    description: 'Countries whose events are dropped',
    example: ['AQ'],
  })
  excludedCountries?: string[];

  @ListField({
    optional: true,
    max: MOST_ITEMS,
    item: (value) => /^[/*]/.test(value) && value.length <= 512,
    itemIs: 'a glob of at most 512 characters that begins with / or *',
    itemSchema: { maxLength: 512 },
    maxText: MOST_GLOB_TEXT,
    description:
      'Paths whose events are dropped, as globs: `*` is any text within a part of the path, `**` any number of parts, `?` one character, `{a,b}` one of several. At most 10,000 characters, all together',
    example: ['/admin/**'],
  })
  excludedPaths?: string[];

  @EnumField(['drop', 'mark', 'keep'], {
    optional: true,
    default: 'drop',
    description: 'What happens to events of bots: dropped, stored and marked, or stored like any other',
  })
  botPolicy?: ProjectSettings['botPolicy'];

  @ObjectField(() => RateLimitDto, {
    optional: true,
    nullable: true,
    description: 'A limit of the project’s own; null: none',
  })
  rateLimit?: RateLimitDto | null;

  @ListField({
    optional: true,
    max: MOST_ITEMS,
    item: isWebOrigin,
    itemIs: 'a web origin, like https://www.example.com',
    itemSchema: { format: 'uri' },
    description: 'Web origins that may use `pub` keys; none: all may',
    example: ['https://www.example.com'],
  })
  allowedOrigins?: string[];

  @BoolField({ optional: true, default: false, description: 'Whether addresses are stored with events' })
  storeIp?: boolean;
}

const nameField = (optional: boolean): PropertyDecorator =>
  TextField({ max: 200, trim: true, optional, description: 'For people', example: 'Shop' });
const zoneField = (): PropertyDecorator =>
  TimeZoneField({ optional: true, default: 'UTC', description: 'Of its days, where a question says no other' });
const domainsField = (): PropertyDecorator =>
  ListField({
    optional: true,
    max: 100,
    item: isHostName,
    itemIs: 'a host name in lower case',
    description: 'Host names of its own: a referrer from one of them is no referrer',
    example: ['www.example.com'],
  });

/** A new project. */
export class CreateProjectDto {
  @nameField(false)
  name!: string;

  @zoneField()
  timezone?: string;

  @domainsField()
  domains?: string[];

  @ObjectField(() => SettingsInput, { optional: true })
  settings?: SettingsInput;
}

/** A change: what is left out stays as it is; settings one by one. */
export class UpdateProjectDto {
  @nameField(true)
  name?: string;

  @zoneField()
  timezone?: string;

  @domainsField()
  domains?: string[];

  @ObjectField(() => SettingsInput, { optional: true })
  settings?: SettingsInput;
}

/** Which project. */
export class ProjectParams {
  @UuidField({ description: 'The project' })
  id!: string;
}

/** Which part of the list. */
export class ListProjectsQuery {
  @LimitField('projects')
  limit?: number;

  @CursorField()
  cursor?: string;
}

/** Which days: both given, or neither for the last 30 days. */
export class UsageQuery {
  @DateField({ optional: true, description: 'First day, UTC' })
  from?: string;

  @DateField({ optional: true, description: 'Last day, inclusive, UTC' })
  to?: string;
}

/** Settings as they are. */
export class SettingsDto implements ProjectSettings {
  @ApiProperty({ type: 'integer', nullable: true })
  retentionDays!: number | null;

  @ApiProperty({ type: [String] })
  excludedIps!: string[];

  @ApiProperty({ type: [String] })
  excludedCountries!: string[];

  @ApiProperty({ type: [String] })
  excludedPaths!: string[];

  @ApiProperty({ enum: ['drop', 'mark', 'keep'] })
  botPolicy!: ProjectSettings['botPolicy'];

  @ApiProperty({ type: () => RateLimitDto, nullable: true })
  rateLimit!: RateLimitDto | null;

  @ApiProperty({ type: [String] })
  allowedOrigins!: string[];

  @ApiProperty()
  storeIp!: boolean;
}

/** A project as it is shown: without its secret, and without its number in the warehouse. */
export class ProjectDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'Shop' })
  name!: string;

  @ApiProperty({ example: 'Europe/Berlin' })
  timezone!: string;

  @ApiProperty({ type: [String] })
  domains!: readonly string[];

  @ApiProperty({ type: SettingsDto })
  settings!: Readonly<ProjectSettings>;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt!: string;
}

/** The texts of a new project's keys. */
export class FirstKeysDto {
  @ApiProperty({ description: 'For browsers and devices' })
  pub!: string;

  @ApiProperty({ description: 'For servers' })
  sec!: string;

  @ApiProperty({ description: 'For the owner' })
  adm!: string;
}

/** A new project with its keys, whose texts are shown this once. */
export class NewProjectDto {
  @ApiProperty({ type: ProjectDto })
  project!: ProjectDto;

  @ApiProperty({ type: FirstKeysDto })
  keys!: FirstKeysDto;
}

/** One page of projects. */
export class ProjectListDto {
  @ApiProperty({ type: [ProjectDto] })
  data!: ProjectDto[];

  @PageField()
  page!: { next: string | null };
}

/** What a project sent on one UTC day. */
export class UsageDayDto {
  @ApiProperty({ format: 'date' })
  day!: string;

  @ApiProperty({ type: 'integer', description: 'Events accepted' })
  events!: number;

  @ApiProperty({ type: 'integer', description: 'Events refused' })
  rejected!: number;

  @ApiProperty({ type: 'integer', description: 'Events recognised at once as sent before' })
  duplicates!: number;

  @ApiProperty({ type: 'integer', description: 'Bytes of bodies, decoded' })
  bytes!: number;
}

/** Use per day, oldest first; days without any are there as zeros. */
export class UsageDto {
  @ApiProperty({ type: [UsageDayDto] })
  data!: UsageDayDto[];
}

/** A project as it is shown. */
export const toProjectDto = (project: Project): ProjectDto => ({
  id: project.id,
  name: project.name,
  timezone: project.timezone,
  domains: project.domains,
  settings: project.settings,
  createdAt: new Date(project.createdAt).toISOString(),
  updatedAt: new Date(project.updatedAt).toISOString(),
});
