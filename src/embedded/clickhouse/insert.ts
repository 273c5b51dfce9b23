// How do a client's rows get into the engine? In one block from memory where that is safe, else through a file, whatever their format.
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { once } from 'node:events';
import type { Body } from './body';
import type { Connection, EngineInsert } from './engine';
import type { Scratch } from './pipes';
import { literal } from './settings';
import { look } from './statement';
import type { InsertShape } from './statement';

/** Bodies up to this are kept in memory. */
const IN_MEMORY_BYTES = 8 * 1024 * 1024;
/** Once waiting bodies hold this much, further ones go to disk. */
const ALL_IN_MEMORY_BYTES = 128 * 1024 * 1024;

/** The data of an INSERT, received to the end. */
export type InsertData = { readonly memory: Buffer } | { readonly file: string };

/** Receives the data, before the engine is asked for anything: a client that breaks off leaves nothing behind, and a slow one
 *  occupies nothing. @throws where the client breaks off */
export async function receive(start: Buffer, body: Body, scratch: Scratch): Promise<InsertData> {
  const most = scratch.held > ALL_IN_MEMORY_BYTES ? 0 : IN_MEMORY_BYTES;
  const memory = await body.upTo(most, start);
  if (!(await body.atEnd())) return { file: await spill(memory, body, scratch) };
  scratch.held += memory.length;
  return { memory };
}

async function spill(start: Buffer, body: Body, scratch: Scratch): Promise<string> {
  const path = scratch.file();
  const file = createWriteStream(path, { mode: 0o600 });
  try {
    for (let part: Buffer | undefined = start; part !== undefined; part = await body.next())
      if (!file.write(part)) await once(file, 'drain');
    file.end();
    await finished(file);
    return path;
  } catch (error) {
    file.destroy();
    await rm(path, { force: true });
    throw error;
  }
}

/** Gives back what `receive` has taken. */
export async function discard(data: InsertData, scratch: Scratch): Promise<void> {
  if ('memory' in data) scratch.held -= data.memory.length;
  if ('file' in data) await rm(data.file, { force: true });
}

/** An INSERT with data, ready to be run. */
export interface InsertQuery {
  /** The client's SQL up to the data, as bytes in Latin-1. */
  readonly sql: string;
  readonly shape: InsertShape;
  readonly mark: string;
  readonly data: InsertData;
  /** Whether values may name files and the network. */
  readonly outside: boolean;
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');
const ofSql = (format: string): boolean => /^values$/i.test(format);

/** Runs the INSERT.
 *  TRICKY: the engine ends inline data at an empty line and runs what follows as SQL. Data that hold one, which binary formats may
 *  anywhere, go through a file. */
export async function runInsert(query: InsertQuery, connection: Connection, scratch: Scratch): Promise<EngineInsert> {
  const { data, shape } = query;
  if (!('memory' in data)) return runFromFile(query, data.file, connection);
  if (ofSql(shape.format)) look(`VALUES ${data.memory.toString('latin1')}`, query.outside);
  // input() does not see inline data at all.
  if (shape.input === undefined && !data.memory.includes('\n\n')) {
    // The format's name ends the text: the engine adds the line break after which the data begin.
    return connection.insert(query.mark + utf8(query.sql).trimEnd(), data.memory);
  }
  const path = await spill(data.memory, emptyBody, scratch);
  try {
    return await runFromFile(query, path, connection);
  } finally {
    await rm(path, { force: true });
  }
}

const emptyBody = { next: () => Promise.resolve(undefined) } as unknown as Body;
const nothing = Buffer.alloc(0);

async function runFromFile(query: InsertQuery, path: string, connection: Connection): Promise<EngineInsert> {
  const { sql, shape } = query;
  if (shape.input !== undefined) {
    const before = utf8(sql.slice(0, shape.input.start));
    const after = utf8(sql.slice(shape.input.argumentsAt, shape.input.formatAt));
    return connection.insert(
      `${query.mark}${before}file(${literal(path)}, ${literal(shape.format)}, ${after}`,
      nothing,
    );
  }
  if (ofSql(shape.format)) await connection.run('SET input_format_values_interpret_expressions = 0');
  const before = utf8(sql.slice(0, shape.infileAt));
  const after = utf8(sql.slice(shape.infileAt));
  return connection.insert(`${query.mark}${before}\nFROM INFILE ${literal(path)} COMPRESSION 'none' ${after}`, nothing);
}
