-- Winners of a range are found by the counters of its cells: the same rows once more, without states, in the order of cells. Who asks for
-- the top values of a day reads that day; a year costs what it did. The engine keeps it beside each part, and takes it where that is less
-- to read; parts that lack it are read as before.
-- A deletion writes it anew where it finds rows. Without a codec of its own it has the table's: half the size. States stay as they were.
ALTER TABLE rollup_values {{on_cluster}} MODIFY COLUMN visitors CODEC(LZ4);

ALTER TABLE rollup_values {{on_cluster}}
  MODIFY SETTING default_compression_codec = 'ZSTD(1)', lightweight_mutation_projection_mode = 'rebuild';

ALTER TABLE rollup_values {{on_cluster}} ADD PROJECTION IF NOT EXISTS by_cell (
  SELECT project_id, dimension, version, value, start, other, events, pageviews, sessions, visitor_count
  ORDER BY project_id, dimension, version, value
);

-- In the background: nobody waits for it.
ALTER TABLE rollup_values {{on_cluster}} MATERIALIZE PROJECTION by_cell SETTINGS mutations_sync = 0;
