// What may be asked about who comes back? Query strings of the routes of this room; their answers stand beside.
import { EnumField, QueryIntField, TextField } from '../../common/validation/fields';
import { OverviewQuery } from '../stats.dto';
import { PERIOD_LENGTHS, type PeriodLength } from './periods';
import { MAX_COLUMNS, RETENTION_MODES, type RetentionMode } from './retention.types';

export * from './retention.answers.dto';

const LENGTH =
  'Whole local periods; weeks begin on Monday. Default: `day` up to 32 days, `week` up to 190, else `month`';
const event = (of: string) => ({
  max: 200,
  optional: true,
  description: `Name of the event that is ${of}; default: any. Not together with the page or the goal`,
});
const page = (of: string) => ({
  max: 2_048,
  optional: true,
  description: `Glob over the paths of the pageviews that are ${of}`,
});
const goal = (of: string) => ({ max: 200, optional: true, description: `Goal that is ${of}, by id or name` });

/** The query string of `/stats/retention`. */
export class RetentionQuery extends OverviewQuery {
  @EnumField(PERIOD_LENGTHS, { optional: true, description: LENGTH, example: 'week' })
  interval?: PeriodLength;

  @QueryIntField({
    min: 0,
    max: MAX_COLUMNS,
    optional: true,
    description: `Periods after a cohort’s own; default: as many as the range has, at most ${MAX_COLUMNS}`,
    example: 12,
  })
  columns?: number;

  @TextField({ ...event('a beginning'), example: 'signup' }) startEvent?: string;
  @TextField({ ...page('a beginning'), example: '/welcome/**' }) startPage?: string;
  @TextField(goal('a beginning')) startGoal?: string;
  @TextField({ ...event('a return'), example: 'purchase' }) returnEvent?: string;
  @TextField({ ...page('a return'), example: '/app/**' }) returnPage?: string;
  @TextField(goal('a return')) returnGoal?: string;

  @EnumField(RETENTION_MODES, {
    optional: true,
    default: 'on',
    description: 'Who came back in that period; `onOrAfter`: in that one or a later one, up to the last column',
  })
  mode?: RetentionMode;

  @TextField({
    max: 1_100,
    optional: true,
    description: 'A dimension, or `property:<key>`, of each visitor’s first event',
    example: 'country',
  })
  breakdown?: string;

  @QueryIntField({
    min: 1,
    max: 100,
    optional: true,
    description:
      'Values of the breakdown with a table of their own, largest first; the others are `other`. Default: 10',
  })
  limit?: number;
}

/** The query string of `/stats/lifecycle`. */
export class LifecycleQuery extends OverviewQuery {
  @EnumField(PERIOD_LENGTHS, { optional: true, description: LENGTH, example: 'week' })
  interval?: PeriodLength;
}

/** Periods whose active days are counted. */
export const STICKY_LENGTHS = ['week', 'month'] as const;

/** The query string of `/stats/stickiness`. */
export class StickinessQuery extends OverviewQuery {
  @EnumField(STICKY_LENGTHS, {
    optional: true,
    description: 'Whole local periods; weeks begin on Monday. Default: `week` up to 190 days, else `month`',
    example: 'week',
  })
  interval?: (typeof STICKY_LENGTHS)[number];
}
