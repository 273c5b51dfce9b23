// How is a SELECT answered? Its rows go from the engine through a pipe to the client, in constant memory, at the client's pace.
import { createReadStream } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import type { Answer, Summary } from './answer';
import type { Connection, EngineResult } from './engine';
import { figuredResult } from './figures';
import type { FiguredResult } from './figures';
import type { Scratch } from './pipes';
import type { Progress } from './running';
import { isOn, literal } from './settings';
import type { Statement } from './statement';

/** Held back before the head is sent, so that an early error still gets its status and a short result its length. */
const HELD_BYTES = 1024 * 1024;
const HELD_MS = 20;

/** A statement of kind `rows`, ready to be run. */
export interface RowsQuery {
  /** The client's text, as bytes in Latin-1. */
  readonly text: string;
  readonly statement: Statement;
  readonly mark: string;
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly summary: Summary;
  readonly progress: readonly Progress[];
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

/** The statement with its result led into a file. */
function intoFile(query: RowsQuery, format: string, path: string): string {
  const { text, statement } = query;
  const head = text.slice(0, statement.format?.at ?? statement.end);
  const settings = statement.format?.settingsAt;
  const tail = settings === undefined ? '' : ` ${text.slice(settings, statement.end)}`;
  return `${query.mark}${utf8(head)}\nINTO OUTFILE ${literal(path)} TRUNCATE FORMAT ${format}${utf8(tail)}`;
}

const noteResult = (summary: Summary, result: EngineResult): void => {
  summary.resultRows = result.rowsRead;
  summary.resultBytes = result.bytesRead;
};

/** Where the format tells no figures, the last progress that was asked for stays: too little, never too much. */
const noteFigures = (summary: Summary, { figures }: FiguredResult): void => {
  if (figures === undefined) return;
  summary.readRows = figures.rows;
  summary.readBytes = figures.bytes;
};

/** Runs the statement and answers.
 *  @throws the engine's error; the caller tells it */
export async function answerRows(
  query: RowsQuery,
  connection: Connection,
  scratch: Scratch,
  answer: Answer,
): Promise<void> {
  if (isOn(query.settings, 'wait_end_of_query') || isOn(query.settings, 'http_wait_end_of_query'))
    return answerWhole(query, connection, scratch, answer);
  const pipe = scratch.pipe();
  const result = figuredResult(query.format, query.text, query.settings);
  const done = connection.run(intoFile(query, result.format, pipe.path), result.format).finally(() => pipe.written());
  done.catch(() => undefined);
  try {
    const chunks = forClient(pipe.reader, result);
    const held = await hold(chunks);
    noteFigures(query.summary, result);
    if (held.ended) {
      noteResult(query.summary, await done);
      answer.begin(query.format, query.settings, query.summary, query.progress, held.size);
    } else {
      answer.begin(query.format, query.settings, query.summary, query.progress);
    }
    for (const part of held.parts) await answer.send(part);
    let next = held.ended ? undefined : await held.next;
    while (next !== undefined && next.done !== true) {
      await answer.send(next.value);
      next = await chunks.next();
    }
    await done;
    answer.end();
  } finally {
    // A closed reader breaks the engine's next write, so that an unread result does not hold it.
    pipe.reader.destroy();
    await done.catch(() => undefined);
    await pipe.release();
  }
}

/** What the client gets, as it comes. */
async function* forClient(source: AsyncIterable<Buffer>, result: FiguredResult): AsyncGenerator<Buffer, void> {
  for await (const chunk of source) {
    const bytes = result.take(chunk);
    if (bytes.length > 0) yield bytes;
  }
}

interface Held {
  readonly parts: readonly Buffer[];
  readonly size: number;
  readonly ended: boolean;
  /** The read that was under way when the time was over. */
  readonly next: Promise<IteratorResult<Buffer>>;
}

/** Reads ahead: until the end, a size, or a while after the first bytes. */
async function hold(chunks: AsyncIterator<Buffer>): Promise<Held> {
  const parts: Buffer[] = [];
  let size = 0;
  let next = chunks.next();
  const first = await next;
  if (first.done === true) return { parts, size, ended: true, next };
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), HELD_MS);
  });
  try {
    let part: IteratorResult<Buffer> | undefined = first;
    while (part !== undefined && part.done !== true) {
      parts.push(part.value);
      size += part.value.length;
      next = chunks.next();
      if (size >= HELD_BYTES) return { parts, size, ended: false, next };
      part = await Promise.race([next, over]);
    }
    return { parts, size, ended: part !== undefined, next };
  } finally {
    clearTimeout(timer);
  }
}

/** `wait_end_of_query`: the result waits on disk until it is complete, so that an error always has its status, and the head
 *  its figures. */
async function answerWhole(query: RowsQuery, connection: Connection, scratch: Scratch, answer: Answer): Promise<void> {
  const path = scratch.file();
  const result = figuredResult(query.format, query.text, query.settings);
  try {
    noteResult(query.summary, await connection.run(intoFile(query, result.format, path), result.format));
    const file = (): AsyncIterable<Buffer> => createReadStream(path, { highWaterMark: 256 * 1024 });
    const { size } = await stat(path);
    if (size <= HELD_BYTES) {
      const body = result.take(await readFile(path));
      noteFigures(query.summary, result);
      answer.begin(query.format, query.settings, query.summary, query.progress, body.length);
      await answer.send(body);
    } else {
      // The figures stand at the end, the head goes out first: a large result is read twice.
      for await (const chunk of file()) result.take(chunk);
      noteFigures(query.summary, result);
      answer.begin(query.format, query.settings, query.summary, query.progress);
      const again = figuredResult(query.format, query.text, query.settings);
      for await (const part of forClient(file(), again)) await answer.send(part);
    }
    answer.end();
  } finally {
    await rm(path, { force: true });
  }
}
