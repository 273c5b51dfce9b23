// What may other features use of statistics? What every question about a range has in common: its range, its answer's `meta`, its sample.
export { type Asker, CurrentAsker, ServerTiming } from './cache/asker';
export { type FigureAsked, Figures } from './figures';
export { Spans } from './spans';
export { meanError, SPREAD, sumError } from './spread';
export { ExplainDto, MoneyDto, OverviewQuery, PageDto, StatsMetaDto, StatsRangeQuery } from './stats.dto';
export { badParameter } from './stats.errors';
export { StatsModule } from './stats.module';
export { bucketsOf, bucketSql } from './stats.queries';
export { dimensionOf, intervalFor, type Span } from './stats.request';
export { toMeta } from './stats.result';
export type { Account, Money, Precision } from './stats.types';
export { Volumes } from './volumes';
