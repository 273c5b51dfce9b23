// Which Content-Type has a result of a format? As ClickHouse answers it.

const JSON_WHOLE = new Set([
  'json',
  'jsonstrings',
  'jsoncompact',
  'jsoncompactstrings',
  'jsoncolumnswithmetadata',
  'jsoncolumns',
  'jsoncompactcolumns',
  'jsonobjecteachrow',
]);
const BINARY =
  /^(native|rowbinary.*|parquet.*|arrow.*|orc|avro.*|msgpack|protobuf.*|capnproto|rawblob|npy|bsoneachrow|mysqlwire)$/;

/** Content-Type of a format, by any spelling of its name. */
export function contentType(format: string): string {
  const name = format.toLowerCase();
  if (JSON_WHOLE.has(name)) return 'application/json; charset=UTF-8';
  if (name.startsWith('json')) return 'application/x-ndjson; charset=UTF-8';
  if (name.startsWith('tsv') || name.startsWith('tabseparated') || name === 'raw')
    return 'text/tab-separated-values; charset=UTF-8';
  if (name.startsWith('csv'))
    return `text/csv; charset=UTF-8; header=${name.startsWith('csvwithnames') ? 'present' : 'absent'}`;
  if (name === 'xml') return 'application/xml; charset=UTF-8';
  if (name === 'markdown') return 'text/markdown; charset=UTF-8';
  if (BINARY.test(name)) return 'application/octet-stream';
  return 'text/plain; charset=UTF-8';
}
