-- Events of the visitors of the lowest hashes, one of 128, a second time, in the order of visitors: in `events` those of a year lie in a granule
-- or two of each day, and to read these is most of what an estimate costs (a funnel over a year of 100 million events: 457 -> 164 ms of CPU).
-- Years, not months: a question about a few weeks reads `events`, and of a long one a visitor's rows lie together.
-- Derived, a copy of a cell under a version of its own; Postgres says which versions count. All that a question can name; an event's id is 0
-- where no other event of these visitors is of the same moment.
CREATE TABLE IF NOT EXISTS sampled_events {{on_cluster}} (
  version UInt64 CODEC(ZSTD(1)),
  project_id UInt32,
  ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  seq UInt16 CODEC(T64, ZSTD(1)),
  event_id UUID CODEC(ZSTD(1)),
  name LowCardinality(String),
  visitor_id UInt64 CODEC(ZSTD(1)),
  user_id UInt64 CODEC(ZSTD(1)),
  session_id UInt64 CODEC(ZSTD(1)),
  hostname LowCardinality(String),
  path String CODEC(ZSTD(5)),
  title String CODEC(ZSTD(5)),
  referrer_host LowCardinality(String),
  source LowCardinality(String),
  channel LowCardinality(String),
  utm_source LowCardinality(String),
  utm_medium LowCardinality(String),
  utm_campaign LowCardinality(String),
  utm_content LowCardinality(String),
  utm_term LowCardinality(String),
  country LowCardinality(String),
  region LowCardinality(String),
  city LowCardinality(String),
  browser LowCardinality(String),
  browser_version LowCardinality(String),
  os LowCardinality(String),
  os_version LowCardinality(String),
  device LowCardinality(String),
  screen LowCardinality(String),
  language LowCardinality(String),
  revenue Decimal(18, 4) CODEC(ZSTD(1)),
  currency LowCardinality(String),
  properties Map(LowCardinality(String), String) CODEC(ZSTD(5))
) ENGINE = {{merge_tree}}
PARTITION BY toYear(ts)
ORDER BY (project_id, visitor_id, ts)
SETTINGS index_granularity = 2048, min_bytes_for_wide_part = 0, min_rows_for_wide_part = 16384, default_compression_codec = 'ZSTD(1)', {{deduplication_window}} = 1000,
  fsync_after_insert = 1, fsync_part_directory = 1;
