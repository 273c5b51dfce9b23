// What may be asked of a funnel, saved or not? Query strings and the body; their answers stand beside.
import { INTERVALS, type Interval } from '../common/buckets';
import { PERIODS } from '../common/period';
import {
  BoolField,
  CursorField,
  EnumField,
  IntField,
  LimitField,
  QueryBoolField,
  QueryIntField,
  TextField,
} from '../common/validation/fields';
import { OverviewQuery, StatsRangeQuery } from '../stats';
import {
  CountByField,
  ExclusionInput,
  ExclusionsField,
  FiltersField,
  HoldConstantField,
  ModeField,
  StepInput,
  StepsField,
  WindowField,
} from './funnels.dto';
import { ATTRIBUTIONS, type Attribution, FUNNEL_LIMITS, type FunnelMode, type FunnelUnit } from './funnel.types';

/** The largest number that the store has for a revision. */
export const MAX_REVISION = 2_147_483_647;

const { maxSteps } = FUNNEL_LIMITS;
const attributionStep = {
  min: 1,
  max: maxSteps,
  optional: true,
  description: 'With `attribution=step`, and required there: 1 is the first step',
};
const rows = {
  min: 1,
  max: 100,
  optional: true,
  default: 10,
  description: 'Most values of the breakdown; the rest is one row',
};

const BreakdownField = (): PropertyDecorator =>
  TextField({
    max: 1_100,
    optional: true,
    description:
      'A dimension of events, `property:<key>` included, to tell attempts apart by; not `goal` and not `visitor`. Its rows add up to the total',
    example: 'country',
  });
const AttributionField = (): PropertyDecorator =>
  EnumField(ATTRIBUTIONS, {
    optional: true,
    default: 'first',
    description:
      'Which event of an attempt says its value: that of its first step, of the last one it reached, or of a given step',
  });
const IntervalField = (): PropertyDecorator =>
  EnumField(INTERVALS, {
    optional: true,
    description: 'Adds `trend`: attempts by the local bucket in which they began. Weeks begin on Monday.',
    example: 'day',
  });
const RevisionField = (): PropertyDecorator =>
  QueryIntField({
    min: 1,
    max: MAX_REVISION,
    optional: true,
    description: 'Asks for what the funnel was then; default: what it is',
  });

/** A question about a saved funnel. */
export class FunnelStatsQuery extends OverviewQuery {
  @BreakdownField() breakdown?: string;
  @AttributionField() attribution?: Attribution;
  @QueryIntField(attributionStep) attributionStep?: number;
  @QueryIntField(rows) limit?: number;
  @IntervalField() interval?: Interval;
  @RevisionField() revision?: number;
}

/** A funnel that is not saved, and the question about it. */
export class FunnelQueryDto extends StatsRangeQuery {
  @StepsField(false) steps!: StepInput[];
  @ModeField() mode?: FunnelMode;
  @WindowField() window?: number;
  @CountByField() countBy?: FunnelUnit;
  @ExclusionsField() exclusions?: ExclusionInput[];
  @HoldConstantField() holdConstant?: string[];
  @FiltersField('Filter tree: which events can be steps or exclusions') filters?: unknown[];
  @BreakdownField() breakdown?: string;
  @AttributionField() attribution?: Attribution;
  @IntField(attributionStep) attributionStep?: number;
  @IntField(rows) limit?: number;
  @IntervalField() interval?: Interval;
  @BoolField({ optional: true, default: false, description: 'Whether `meta.explain` says what was read' })
  explain?: boolean;
}

/** How far the visitors of a list came. */
export const REACHES = ['converted', 'dropped'] as const;
export type Reach = (typeof REACHES)[number];

/** Whose attempts are listed. */
export class FunnelVisitorsQuery {
  @EnumField(PERIODS, { optional: true, description: 'A stretch counted from now, instead of `from` and `to`' })
  period?: string;

  @TextField({
    max: 40,
    optional: true,
    description: 'Beginning: a day, local to `timezone`, or a time with an offset',
  })
  from?: string;

  @TextField({ max: 40, optional: true, description: 'End: a day is included, a time is not' })
  to?: string;

  @TextField({ max: 64, optional: true, description: 'IANA zone of days, periods and times; default: the project’s' })
  timezone?: string;

  @TextField({
    max: 12_000,
    optional: true,
    description: 'Filter tree, as JSON: which events can be steps or exclusions',
  })
  filters?: string;

  @RevisionField() revision?: number;

  @QueryIntField({
    min: 1,
    max: maxSteps,
    optional: true,
    description: '1 is the first step; default: the last that is not optional. Required for those who dropped',
  })
  step?: number;

  @EnumField(REACHES, {
    optional: true,
    default: 'converted',
    description: '`converted`: attempts that came as far as the step; `dropped`: those that came so far and no further',
  })
  state?: Reach;

  @QueryBoolField({ optional: true, description: '`true` is `state=dropped`, `false` is `state=converted`' })
  dropped?: boolean;

  @LimitField('attempts')
  limit?: number;

  @CursorField(2_048)
  cursor?: string;
}
