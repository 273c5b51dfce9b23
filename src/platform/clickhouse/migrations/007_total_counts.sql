-- How many visitors a whole cell has, beside the state that says it: a chart of days reads the number where a day is one cell, and no state.
-- To read 365 states of this size is nine tenths of such a chart's work. The engine fills it in on every insert; rows that are there are given
-- it in the background: nobody waits for it, and a reader that comes before gets it from the state.
ALTER TABLE rollup_totals {{on_cluster}}
  ADD COLUMN IF NOT EXISTS visitor_count UInt64 MATERIALIZED finalizeAggregation(visitors_fine) CODEC(T64, ZSTD(1));

ALTER TABLE rollup_totals {{on_cluster}} MATERIALIZE COLUMN visitor_count SETTINGS mutations_sync = 0;
