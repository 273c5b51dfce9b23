-- A piece of these columns may end with any granule that makes it 32 KB: with 256 KB it goes on into the next, and more of what repeats is
-- found in it. 0.3 bytes an event (41.7 -> 41.4 of 131 million); a reader of one granule unpacks up to one more. `path` keeps its pieces:
-- nearly every chart of pages reads it. Stored parts take this on when they are merged.
ALTER TABLE events {{on_cluster}} MODIFY COLUMN title MODIFY SETTING min_compress_block_size = 262144;
ALTER TABLE events {{on_cluster}} MODIFY COLUMN referrer MODIFY SETTING min_compress_block_size = 262144;
ALTER TABLE events {{on_cluster}} MODIFY COLUMN properties MODIFY SETTING min_compress_block_size = 262144;
