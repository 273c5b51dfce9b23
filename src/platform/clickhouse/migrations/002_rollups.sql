-- Figures that were worked out before: rows are only ever added, under a version, and Postgres says which versions count.
-- Plain MergeTree: there is nothing to replace, so nothing to merge away while reading.

-- Totals of a cell (`grain` c), of each UTC hour inside it (h), of each quarter of an hour (q, where an hour's row covers it as
-- well; e at the cell's edges, where none does).
CREATE TABLE IF NOT EXISTS rollup_totals {{on_cluster}} (
  project_id UInt32,
  version UInt64 CODEC(Delta, ZSTD(1)),
  grain LowCardinality(String),
  start DateTime('UTC') CODEC(Delta, ZSTD(1)),
  events UInt64 CODEC(T64, ZSTD(1)),
  pageviews UInt64 CODEC(T64, ZSTD(1)),
  -- Per currency; amounts times ten thousand.
  revenue Map(LowCardinality(String), Decimal(38, 4)),
  -- Of the sessions that began here, over their whole length.
  sessions UInt64 CODEC(T64, ZSTD(1)),
  session_pageviews UInt64 CODEC(T64, ZSTD(1)),
  bounces UInt64 CODEC(T64, ZSTD(1)),
  session_ms UInt64 CODEC(T64, ZSTD(1)),
  visitors AggregateFunction(uniqCombined(12), UInt64),
  -- Finer, for totals over long ranges; empty but in rows of whole cells.
  visitors_fine AggregateFunction(uniqCombined(14), UInt64)
) ENGINE = {{merge_tree}}
PARTITION BY toYear(start)
ORDER BY (project_id, grain, start, version)
SETTINGS index_granularity = 256, {{deduplication_window}} = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- The same of a cell by one dimension. The value before the time: who asks for the winners of a year reads their rows alone.
CREATE TABLE IF NOT EXISTS rollup_values {{on_cluster}} (
  project_id UInt32,
  dimension LowCardinality(String),
  value String CODEC(ZSTD(1)),
  start DateTime('UTC') CODEC(Delta, ZSTD(1)),
  version UInt64 CODEC(Delta, ZSTD(1)),
  -- 1: not a value, but all those that are not kept one by one.
  other UInt8,
  events UInt64 CODEC(T64, ZSTD(1)),
  pageviews UInt64 CODEC(T64, ZSTD(1)),
  revenue Map(LowCardinality(String), Decimal(38, 4)),
  sessions UInt64 CODEC(T64, ZSTD(1)),
  session_pageviews UInt64 CODEC(T64, ZSTD(1)),
  bounces UInt64 CODEC(T64, ZSTD(1)),
  session_ms UInt64 CODEC(T64, ZSTD(1)),
  -- About how many the next column holds, to find winners without reading it.
  visitor_count UInt64 CODEC(T64, ZSTD(1)),
  visitors AggregateFunction(uniqCombined(12), UInt64)
) ENGINE = {{merge_tree}}
PARTITION BY toYear(start)
ORDER BY (project_id, dimension, value, start, version)
SETTINGS index_granularity = 256, {{deduplication_window}} = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
