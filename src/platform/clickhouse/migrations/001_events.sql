-- Raw events: the one source of truth. Everything else can be computed again from it.
-- Small compression buffers: with 40 columns the default of a megabyte each is most of what a small insert costs (-15 to -25 % CPU).
-- The sort key decides what is the same event: a retry carries the same project, time, visitor and id, and FINAL leaves one of them.
CREATE TABLE IF NOT EXISTS events {{on_cluster}} (
  project_id UInt32,
  ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  -- The place in its request: events of one millisecond keep the order sent.
  seq UInt16 CODEC(T64, ZSTD(1)),
  event_id UUID CODEC(NONE),
  name LowCardinality(String),
  visitor_id UInt64 CODEC(ZSTD(1)),
  -- 0: none was given.
  user_id UInt64 CODEC(ZSTD(1)),
  -- 0: none was given; silence of 30 minutes ends the session.
  session_id UInt64 CODEC(ZSTD(1)),
  origin LowCardinality(String),
  hostname LowCardinality(String),
  path String CODEC(ZSTD(1)),
  -- Query string and fragment as they follow the path, `?` and `#` included.
  query String CODEC(ZSTD(1)),
  title String CODEC(ZSTD(1)),
  referrer String CODEC(ZSTD(1)),
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
  timezone LowCardinality(String),
  -- Empty unless the project keeps addresses.
  ip String CODEC(ZSTD(1)),
  -- Bits: 1 a bot, 2 the visitor was derived, 4 the server set or corrected the time.
  flags UInt8 CODEC(ZSTD(1)),
  revenue Decimal(18, 4) CODEC(ZSTD(1)),
  -- ISO 4217; empty: the event has no revenue.
  currency LowCardinality(String),
  -- Each value is its JSON text, so numbers, booleans, lists and objects come back as they were sent.
  properties Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  INDEX received_at_range received_at TYPE minmax GRANULARITY 1,
  INDEX event_id_filter event_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = {{replacing_merge_tree}}(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (project_id, toDate(ts), visitor_id, ts, event_id)
SETTINGS max_compress_block_size = 65536, {{deduplication_window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Which visitor was seen with which user, and when first. Written before the events that say so: a link too many says nothing
-- false, a link too few would.
CREATE TABLE IF NOT EXISTS visitor_links {{on_cluster}} (
  project_id UInt32,
  visitor_id UInt64,
  user_id UInt64,
  first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
) ENGINE = {{aggregating_merge_tree}}
ORDER BY (project_id, visitor_id, user_id)
SETTINGS {{deduplication_window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Events that were refused, kept for a week with the reason, so that nobody has to guess.
CREATE TABLE IF NOT EXISTS rejected_events {{on_cluster}} (
  project_id UInt32,
  -- A UUIDv7 made on arrival: the list's order, and what makes a retried block harmless.
  reject_id UUID,
  received_at DateTime64(3, 'UTC'),
  -- As it was sent, where it was readable.
  event_id String,
  name String,
  code LowCardinality(String),
  errors String CODEC(ZSTD(1)),
  payload String CODEC(ZSTD(1))
) ENGINE = {{replacing_merge_tree}}
ORDER BY (project_id, received_at, reject_id)
TTL toDateTime(received_at) + INTERVAL 7 DAY
SETTINGS {{deduplication_window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
