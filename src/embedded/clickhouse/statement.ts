// What kind of statement did the client send, and where in it do FORMAT and an INSERT's data stand? No parser: words and brackets.
import { fail } from './errors';
import { tokens } from './lexer';
import type { Token } from './lexer';

/** Where an INSERT's data come from. */
export interface InsertShape {
  /** Byte at which the data begin; the text before it ends with the format's name or VALUES. */
  readonly dataAt: number;
  readonly format: string;
  /** Byte before which `FROM INFILE` fits. */
  readonly infileAt: number;
  /** `input('structure')` of an INSERT … SELECT, which reads the data. */
  readonly input: { readonly start: number; readonly argumentsAt: number; readonly formatAt: number } | undefined;
}

export interface Statement {
  /** rows: SELECT and its like, of any size; insert: with data; kill: KILL QUERY; other: the rest. */
  readonly kind: 'rows' | 'insert' | 'kill' | 'other';
  /** Nothing but reads. */
  readonly reads: boolean;
  /** Byte after the last token, without the closing semicolon. */
  readonly end: number;
  readonly format: { readonly name: string; readonly at: number; readonly settingsAt: number | undefined } | undefined;
  readonly insert: InsertShape | undefined;
  /** Names of `{name:Type}`. */
  readonly parameters: ReadonlySet<string>;
  readonly strings: readonly Token[];
  readonly words: readonly string[];
}

/** Names that reach files, programs or the network when they are called as functions, engines or sources. */
const OUTSIDE = new Set(
  `file filecluster url urlcluster http executable executablepool s3 s3cluster s3queue gcs oss cosn hdfs hdfscluster azureblobstorage
  azureblobstoragecluster azurequeue remote remotesecure cluster clusterallreplicas clickhouse mysql postgresql mongodb redis sqlite jdbc odbc deltalake
  deltalakecluster deltalakes3 deltalakelocal deltalakeazure iceberg icebergcluster icebergs3 icebergs3cluster iceberglocal icebergazure
  icebergazurecluster iceberghdfs hudi hudicluster paimon paimons3 paimonlocal kafka nats rabbitmq filelog python library arrowflight ytsaurus
  disk materializedpostgresql externaldistributed`.split(/\s+/),
);
const ROWS = new Set(['SELECT', 'WITH', 'FROM']);
const READS = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS']);

/** Looks a statement over.
 *  @param text bytes as Latin-1
 *  @param outside whether it may reach files, programs and the network
 *  @throws ServerError 62 for several statements, 497 for what a client may not do */
export function look(text: string, outside = false): Statement {
  const seen: Token[] = [];
  const words: string[] = [];
  const parameters = new Set<string>();
  let ended = -1;
  let insert: InsertShape | undefined;
  let input: { start: number; argumentsAt: number } | undefined;
  let settingsAt: number | undefined;
  const raw = (token: Token | undefined): string => (token === undefined ? '' : text.slice(token.start, token.end));
  const word = (token: Token | undefined): string => (token?.kind === 'word' ? raw(token).toUpperCase() : '');

  for (const token of tokens(text)) {
    const mark = token.kind === 'mark' ? raw(token) : '';
    if (mark === ';') {
      if (ended < 0) ended = seen.length;
      continue;
    }
    if (ended >= 0) throw fail(62, 'Syntax error (Multi-statements are not allowed).');
    const last = seen.at(-1);
    const before = seen.at(-2);
    if (mark === '(' && last !== undefined && !outside) refuseOutside(raw(last), word(before), words[0]);
    if (mark === ':' && raw(before) === '{') parameters.add(unquoted(raw(last)));
    if (mark === '(' && word(last) === 'INPUT') input = { start: last!.start, argumentsAt: token.end };
    if (token.kind === 'word') words.push(raw(token).toUpperCase());
    refuseFiles(word(last), word(token));
    seen.push(token);

    const top = token.depth === 0;
    const inserting = insertAt(words);
    if (top && inserting && word(token) === 'SETTINGS') settingsAt ??= token.start;
    // `INSERT INTO t FORMAT X`: a name after FORMAT ends the SQL; a column or table of that name stands in brackets or after INTO.
    if (top && inserting && word(last) === 'FORMAT' && isName(token, word(token)) && !isTarget(word(before))) {
      const dataAt = afterFormat(text, token.end);
      const shape = { dataAt, format: raw(token), infileAt: settingsAt ?? last!.start };
      insert = { ...shape, input: input && { ...input, formatAt: last!.start } };
      // Values are SQL and are looked over like the rest, by the caller.
      break;
    }
  }
  const all = ended < 0 ? seen : seen.slice(0, ended);
  if (all.length === 0) throw fail(62, 'Syntax error: Empty query.');
  refuseLosingDefault(all, raw, word);
  return classify(text, all, words, parameters, insert, raw, word);
}

function classify(
  text: string,
  all: readonly Token[],
  words: readonly string[],
  parameters: ReadonlySet<string>,
  insert: InsertShape | undefined,
  raw: (token: Token | undefined) => string,
  word: (token: Token | undefined) => string,
): Statement {
  const first = words[0] ?? '';
  const writes = insertAt(words);
  const kind =
    insert !== undefined ? 'insert' : first === 'KILL' ? 'kill' : ROWS.has(first) && !writes ? 'rows' : 'other';
  const end = all.at(-1)!.end;
  const shared = {
    kind,
    end,
    insert,
    parameters,
    words,
    strings: all.filter((token) => token.kind === 'string'),
  } as const;
  return { ...shared, reads: READS.has(first) && !writes, format: writes ? undefined : formatOf(all, raw, word) };
}

const insertAt = (words: readonly string[]): boolean =>
  words[0] === 'INSERT' || (words[0] === 'WITH' && words.includes('INSERT') && words.includes('INTO'));

/** Words after a column named `format`, which is not the clause. */
const NO_FORMATS = new Set(
  'FROM AS AND OR IN IS NOT LIKE ILIKE ASC DESC THEN ELSE END WHERE UNION LIMIT ORDER GROUP HAVING SETTINGS BETWEEN VALUES SELECT'.split(
    ' ',
  ),
);
const isName = (token: Token, word: string): boolean => token.kind === 'word' && !NO_FORMATS.has(word);

const isTarget = (word: string): boolean => word === 'INTO' || word === 'TABLE';

const unquoted = (name: string): string => (/^[`"]/.test(name) ? name.slice(1, -1) : name);

/** A FORMAT clause closes a statement; only SETTINGS may follow it. */
function formatOf(
  all: readonly Token[],
  raw: (token: Token | undefined) => string,
  word: (token: Token | undefined) => string,
): Statement['format'] {
  for (let at = all.length - 2; at > 0; at -= 1) {
    const [token, name, next] = [all[at]!, all[at + 1]!, all[at + 2]];
    if (token.depth !== 0 || word(token) !== 'FORMAT' || name.kind !== 'word') continue;
    if (next !== undefined && word(next) !== 'SETTINGS') continue;
    return { name: raw(name), at: token.start, settingsAt: next?.start };
  }
  return undefined;
}

/** Data begin after blanks and one line break, as in ClickHouse. */
function afterFormat(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\f') at += 1;
  if (text[at] === '\r') at += 1;
  if (text[at] === '\n') at += 1;
  return at;
}

function refuseOutside(name: string, before: string, first: string | undefined): void {
  if (isTarget(before) || first === 'BACKUP' || first === 'RESTORE') return;
  const plain = unquoted(name);
  if (OUTSIDE.has(plain.toLowerCase())) throw fail(497, `Not enough privileges: ${plain} is not available here.`);
}

function refuseFiles(before: string, word: string): void {
  if (before === 'INTO' && word === 'OUTFILE') throw fail(497, 'INTO OUTFILE is not allowed over HTTP.');
  if (before === 'FROM' && word === 'INFILE') throw fail(497, 'FROM INFILE is not allowed over HTTP.');
  if (before === 'SYSTEM' && (word === 'SHUTDOWN' || word === 'KILL')) throw fail(497, 'Not enough privileges.');
}

/** Connections begin in the database `default`: without it there could be no more of them, until the next start. */
function refuseLosingDefault(
  all: readonly Token[],
  raw: (token: Token | undefined) => string,
  word: (token: Token | undefined) => string,
): void {
  for (const [at, token] of all.entries()) {
    if (word(token) !== 'DATABASE' || !/^(DROP|DETACH|RENAME)$/.test(word(all[at - 1]))) continue;
    const name = all.slice(at + 1).find((next) => !/^(IF|EXISTS|EMPTY)$/.test(word(next)));
    if (unquoted(raw(name)) === 'default')
      throw fail(497, 'Not enough privileges: the database default is needed here.');
  }
}
