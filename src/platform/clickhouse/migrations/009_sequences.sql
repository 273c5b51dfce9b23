-- Texts of which a site has thousands, not millions, each once a part with a number in its place: a page of these took 3.7 bytes an event and takes
-- 1.4, a title 3.6 and 1.4. Where every text is another one it is as large as before; 100,000 that are all equally frequent take half as much again.
-- Stored parts are written anew in the background, and read as they are until then: a start does not wait for it, which is what `alter_sync` says.
ALTER TABLE events {{on_cluster}}
  MODIFY COLUMN path LowCardinality(String) CODEC(ZSTD(1)) SETTINGS (max_compress_block_size = 65536),
  MODIFY COLUMN title LowCardinality(String) CODEC(ZSTD(1)) SETTINGS (max_compress_block_size = 65536),
  MODIFY COLUMN referrer LowCardinality(String) CODEC(ZSTD(1)) SETTINGS (max_compress_block_size = 65536),
  MODIFY COLUMN query LowCardinality(String) CODEC(ZSTD(1))
  SETTINGS mutations_sync = 0, alter_sync = 0;

-- What each visitor did in a cell, in one row: who asks for an order of events need not put a hundred million of them together first (a funnel over a
-- year: 20 s -> 8). By months, as most questions are about some weeks, and within one in the order of visitors.
-- Derived like `sampled_events`, in the same step and under the same versions.
CREATE TABLE IF NOT EXISTS event_sequences {{on_cluster}} (
  version UInt64 CODEC(ZSTD(1)),
  project_id UInt32,
  -- Of the cell.
  start DateTime('UTC') CODEC(Delta, ZSTD(1)),
  visitor_id UInt64 CODEC(Delta, ZSTD(1)),
  user_id UInt64 CODEC(ZSTD(1)),
  -- Milliseconds from the start on.
  `event.at` Array(UInt32) CODEC(Delta, ZSTD(1)),
  -- When it arrived (42 bits, milliseconds) and its place in the request (16), where another event of the project has the same moment; else 0.
  `event.tie` Array(UInt64) CODEC(ZSTD(1)),
  `event.name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `event.path` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  -- Events with revenue: the place in the lists above, from 1 on.
  `paid.place` Array(UInt32) CODEC(ZSTD(1)),
  `paid.currency` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `paid.revenue` Array(Decimal(18, 4)) CODEC(ZSTD(1))
) ENGINE = {{merge_tree}}
PARTITION BY toYYYYMM(start)
ORDER BY (project_id, visitor_id, start)
SETTINGS index_granularity = 4096, default_compression_codec = 'ZSTD(1)', {{deduplication_window}} = 1000,
  fsync_after_insert = 1, fsync_part_directory = 1;
