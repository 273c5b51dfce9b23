// What may be asked about a project's statistics? Query strings and bodies of the routes; their answers stand beside.
import { INTERVALS, type Interval } from '../common/buckets';
import { PERIODS } from '../common/period';
import {
  BoolField,
  CursorField,
  EnumField,
  IntField,
  LimitField,
  ListField,
  QueryBoolField,
  QueryListField,
  TextField,
} from '../common/validation/fields';
import { field } from '../common/validation/rules';
import { ALL_METRICS } from './metrics';
import { PRECISIONS, type Precision } from './stats.types';

export * from './stats.answers.dto';

const MAX_METRICS = 20;
const isMetricLike = (value: string): boolean => value.length > 0 && value.length <= 1_100;

const metricList = {
  max: MAX_METRICS,
  optional: true,
  item: isMetricLike,
  itemIs: 'names of metrics',
  description: `Metrics to answer: ${ALL_METRICS}`,
};

/** A stretch of time, a filter and a comparison: what every question has. */
export class StatsRangeQuery {
  @EnumField(PERIODS, {
    optional: true,
    description:
      'A stretch counted from now, instead of `from` and `to`: whole local days, the current one included; `24h` ends now',
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
    description: 'IANA zone of days, periods and buckets; default: the project’s',
    example: 'Europe/Berlin',
  })
  timezone?: string;

  @TextField({
    max: 100,
    optional: true,
    description:
      'Answers the same question for another range: `previous` (as long, right before), `year` (a year earlier), or `from..to`',
    example: 'previous',
  })
  compare?: string;

  @EnumField(PRECISIONS, {
    optional: true,
    default: 'auto',
    description:
      '`exact` reads raw events alone; `auto` takes what is quickest, and `meta` says which figures are estimates and how close',
  })
  precision?: Precision;
}

const explained = { optional: true, default: false, description: 'Whether `meta.explain` says what was read' };

/** The query string of every question. */
export class OverviewQuery extends StatsRangeQuery {
  @TextField({
    max: 12_000,
    optional: true,
    description: 'Filter tree, as JSON',
    example: '["and",["is","country",["DE","AT"]],["did",["is","event",["signup"]]]]',
  })
  filters?: string;

  @QueryBoolField(explained)
  explain?: boolean;
}

export class TimeseriesQuery extends OverviewQuery {
  @QueryListField({ ...metricList, example: ['visitors', 'pageviews'] })
  metrics?: string[];

  @EnumField(INTERVALS, {
    optional: true,
    description: 'Length of a bucket; default: one that suits the range. Weeks begin on Monday.',
    example: 'day',
  })
  interval?: Interval;
}

export class BreakdownQuery extends OverviewQuery {
  @QueryListField({ ...metricList, example: ['visitors', 'pageviews'] })
  metrics?: string[];

  @TextField({
    max: 1_200,
    optional: true,
    description: 'A metric of `metrics`, or `value`, with `:asc` or `:desc`; default: the first metric, largest first',
    example: 'visitors:desc',
  })
  order?: string;

  @LimitField('rows')
  limit?: number;

  // The largest value of a property, 8 KB, as base64.
  @CursorField(12_000)
  cursor?: string;

  @TextField({ max: 200, optional: true, description: 'Only values that hold this text; case is ignored' })
  search?: string;
}

export class BreakdownParams {
  @TextField({
    max: 1_100,
    description: 'Name of a dimension; `property:<key>` for a property of events',
    example: 'page',
  })
  dimension!: string;
}

/** The body of a free question. */
export class StatsQueryDto extends StatsRangeQuery {
  @ListField({ ...metricList, optional: false, min: 1, example: ['visitors', 'pageviews'] })
  metrics!: string[];

  @ListField({
    max: 5,
    optional: true,
    item: isMetricLike,
    itemIs: 'names of dimensions',
    description: 'Dimensions to group by; `time:<interval>` for local buckets, or `time` with `interval`',
    example: ['time:day', 'country'],
  })
  dimensions?: string[];

  @field(
    [{ code: 'not_a_list', test: Array.isArray, message: 'must be a list such as ["is", "page", ["/"]]' }],
    { type: 'array', items: {} },
    { optional: true, description: 'Filter tree', example: ['is', 'country', ['DE']] },
  )
  filters?: unknown[];

  @EnumField(INTERVALS, { optional: true, description: 'Length of the buckets of the dimension `time`' })
  interval?: Interval;

  @ListField({
    max: 6,
    optional: true,
    item: isMetricLike,
    itemIs: 'names of metrics or dimensions of the question, with :asc or :desc',
    example: ['time:asc', 'visitors:desc'],
  })
  orderBy?: string[];

  @IntField({ min: 1, max: 10_000, optional: true, default: 1_000, description: 'Most rows in the answer' })
  limit?: number;

  @CursorField(65_536)
  cursor?: string;

  @BoolField(explained)
  explain?: boolean;
}
