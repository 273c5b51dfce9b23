// How much did a SELECT read? The engine's binding tells the size of results only, but some formats carry the true figures with the rows.

/** What a statement has read so far. */
export interface ReadFigures {
  readonly rows: number;
  readonly bytes: number;
}

const ROW = Buffer.from('{"row":');
const PROGRESS = Buffer.from('{"progress":');
const NEWLINE = 0x0a;
/** The foot of JSON, JSONCompact and their like, written by the engine itself: in a value the quotes would be escaped. */
const FOOT = /"rows_read":\s*(\d+),\s*"bytes_read":\s*(\d+)\s*\}\s*\}\s*$/;
const FOOT_BYTES = 256;

/** Passes a result on in the format that the client asked for, and notes the figures that came with it. */
export interface FiguredResult {
  /** The format that the engine is to write. */
  readonly format: string;
  /** What the client gets of these bytes; may be nothing. */
  take(chunk: Buffer): Buffer;
  /** Undefined where the format tells none, or before they came. */
  readonly figures: ReadFigures | undefined;
}

/** A result of this format.
 *  @param text the statement, which may change what the format looks like; @param settings those around it */
export function figuredResult(format: string, text: string, settings: ReadonlyMap<string, string>): FiguredResult {
  // With this setting JSONEachRow is one array, which can't be taken out of lines.
  const asArray = 'output_format_json_array_of_rows';
  if (format === 'JSONEachRow' && !settings.has(asArray) && !text.includes(asArray)) return new UnwrappedRows();
  return new PlainResult(format);
}

/** Bytes as they are; figures from the foot, where there is one. */
class PlainResult implements FiguredResult {
  private foot: Buffer = Buffer.alloc(0);

  constructor(readonly format: string) {}

  take(chunk: Buffer): Buffer {
    this.foot =
      chunk.length >= FOOT_BYTES
        ? chunk.subarray(-FOOT_BYTES)
        : Buffer.concat([this.foot, chunk]).subarray(-FOOT_BYTES);
    return chunk;
  }

  get figures(): ReadFigures | undefined {
    const found = this.format.startsWith('JSON') ? FOOT.exec(this.foot.toString('latin1')) : null;
    return found === null ? undefined : { rows: Number(found[1]), bytes: Number(found[2]) };
  }
}

/** JSONEachRow, taken out of JSONEachRowWithProgress: `{"row":X}` is X; other lines are head, totals and the figures. */
class UnwrappedRows implements FiguredResult {
  readonly format = 'JSONEachRowWithProgress';
  figures: ReadFigures | undefined;
  /** The beginning of a line whose end has not come. In parts, so that a row of many megabytes is not copied for each. */
  private parts: Buffer[] = [];

  take(chunk: Buffer): Buffer {
    const lines: Buffer[] = [];
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
      const rest = chunk.subarray(at, end + 1);
      const line = this.parts.length === 0 ? rest : Buffer.concat([...this.parts, rest]);
      this.parts = [];
      at = end + 1;
      this.note(line, lines);
    }
    if (at < chunk.length) this.parts.push(chunk.subarray(at));
    return Buffer.concat(lines);
  }

  private note(line: Buffer, lines: Buffer[]): void {
    if (begins(line, ROW)) {
      lines.push(line.subarray(ROW.length, -2), line.subarray(-1));
    } else if (begins(line, PROGRESS)) {
      const { progress } = JSON.parse(line.toString()) as { progress: { read_rows: string; read_bytes: string } };
      this.figures = { rows: Number(progress.read_rows), bytes: Number(progress.read_bytes) };
    }
  }
}

const begins = (line: Buffer, with_: Buffer): boolean => line.compare(with_, 0, with_.length, 0, with_.length) === 0;
