// How does a result travel to the client? Head, rows as they come, and an error in the middle of them.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { createDeflate, createGzip } from 'node:zlib';
import type { Deflate, Gzip } from 'node:zlib';
import type { ServerError } from './errors';
import { contentType } from './formats';
import type { Progress } from './running';
import { isOn } from './settings';

/** What is known of a finished or running statement. */
export interface Summary {
  readRows: number;
  readBytes: number;
  writtenRows: number;
  writtenBytes: number;
  resultRows: number;
  resultBytes: number;
  startedAt: number;
}

/** A reader that takes nothing for so long is cut off: it holds one of the places of all. */
const STALLED_MS = 60_000;

/** The answer to one request. Nothing is sent before `begin`. */
export class Answer {
  private readonly tag = randomBytes(8).toString('hex');
  private readonly headers: Record<string, string | string[]>;
  private body: Writable;
  private zip: Gzip | Deflate | undefined;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly version: string,
    queryId: string | undefined,
  ) {
    this.body = response;
    this.headers = {
      'X-ClickHouse-Server-Display-Name': 'millrace-embedded',
      'X-ClickHouse-Timezone': 'UTC',
      'X-ClickHouse-Exception-Tag': this.tag,
      ...(queryId === undefined ? {} : { 'X-ClickHouse-Query-Id': queryId.replace(/[^\x20-\x7e]/g, '?') }),
    };
  }

  /** Whether the status has gone out. */
  get begun(): boolean {
    return this.response.headersSent;
  }

  /** Sends the head of a result.
   *  @param length bytes of the body, where they are known and not compressed */
  begin(
    format: string | undefined,
    settings: ReadonlyMap<string, string>,
    summary: Summary,
    progress: readonly Progress[],
    length?: number,
  ): void {
    const encoding = isOn(settings, 'enable_http_compression') ? acceptedEncoding(this.request) : undefined;
    const level = Number(settings.get('http_zlib_compression_level') ?? 3);
    if (encoding !== undefined && length !== 0) this.compress(encoding, level >= 1 && level <= 9 ? level : 3);
    this.response.writeHead(200, {
      ...this.headers,
      'Content-Type': contentType(format ?? ''),
      ...(format === undefined ? {} : { 'X-ClickHouse-Format': format }),
      'X-ClickHouse-Summary': summaryText(summary),
      ...(progress.length === 0 ? {} : { 'X-ClickHouse-Progress': progress.map((one) => JSON.stringify(one)) }),
      ...(this.zip === undefined ? {} : { 'Content-Encoding': encoding }),
      ...(length === undefined || this.zip !== undefined ? {} : { 'Content-Length': String(length) }),
    });
  }

  /** Sends a part of the body and waits where the client is slow. */
  async send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0 || this.response.destroyed || this.body.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.body.off('drain', go);
        this.response.off('close', go);
        resolve();
      };
      const timer = setTimeout(() => this.response.destroy(), STALLED_MS);
      this.body.once('drain', go);
      this.response.once('close', go);
    });
  }

  end(): void {
    this.body.end();
  }

  /** Tells an error: as an answer of its own, or after rows that are already out as a block that clients know, and a cut connection,
   *  so that nobody takes a part for the whole. */
  fail(error: ServerError): void {
    const text = `${error.message} (version ${this.version})`;
    if (!this.begun) {
      this.response.writeHead(error.status, {
        ...this.headers,
        'Content-Type': 'text/plain; charset=UTF-8',
        'X-ClickHouse-Exception-Code': String(error.code),
        ...(error.status === 401 ? { 'WWW-Authenticate': 'Basic realm="ClickHouse"' } : {}),
      });
      this.response.end(this.request.method === 'HEAD' ? undefined : `${text}\n`);
      return;
    }
    const message = `${text}\n`;
    const length = Buffer.byteLength(message);
    const block = `\r\n__exception__\r\n${this.tag}\r\n${message}${length} ${this.tag}\r\n__exception__\r\n`;
    const cut = (): void => this.response.socket?.destroySoon();
    this.body.write(block, () => (this.zip === undefined ? cut() : this.zip.flush(() => setImmediate(cut))));
  }

  private compress(encoding: 'gzip' | 'deflate', level: number): void {
    this.zip = encoding === 'gzip' ? createGzip({ level }) : createDeflate({ level });
    this.zip.pipe(this.response);
    this.response.once('close', () => this.zip?.destroy());
    this.body = this.zip;
  }
}

const acceptedEncoding = (request: IncomingMessage): 'gzip' | 'deflate' | undefined => {
  const header = request.headers['accept-encoding'];
  const accepted = (typeof header === 'string' ? header : '').toLowerCase();
  if (/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)) return 'gzip';
  return /\bdeflate\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted) ? 'deflate' : undefined;
};

const summaryText = (summary: Summary): string =>
  JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: String(summary.writtenRows),
    written_bytes: String(summary.writtenBytes),
    total_rows_to_read: '0',
    result_rows: String(summary.resultRows),
    result_bytes: String(summary.resultBytes),
    elapsed_ns: String(Math.round((performance.now() - summary.startedAt) * 1e6)),
  });
