// How does an export leave the server? Named, typed, compressed where that helps, and cut off visibly where it fails.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { acceptsGzip, gzipped } from './export-stream';
import type { ExportFormat } from './export.queries';

/** Media types of the formats. */
export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** Answers with the rows of a format. Fastify destroys the socket where the body fails after its headers, and the body where the client goes. */
export const sendExport = (
  request: FastifyRequest,
  reply: FastifyReply,
  format: ExportFormat,
  rows: Readable,
): void => {
  const accepted = request.headers['accept-encoding'];
  // Parquet is compressed inside.
  const gzip = format !== 'parquet' && acceptsGzip(typeof accepted === 'string' ? accepted : undefined);
  void reply
    .header('content-type', EXPORT_TYPES[format])
    .header('content-disposition', `attachment; filename="events.${format}"`)
    .header('vary', 'Accept-Encoding');
  if (gzip) void reply.header('content-encoding', 'gzip');
  void reply.send(gzip ? gzipped(rows) : rows);
};
