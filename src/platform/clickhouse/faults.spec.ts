// What does a caller learn of each failure of ClickHouse? That it may come again, that it asked for too much, or that the defect is ours.
import { ClickHouseError } from '@clickhouse/client';
import { type FaultKind, toFault } from './faults';
import { problemOf } from './query-limits';

const said = (code: number, type: string, message = 'words of the engine') =>
  new ClickHouseError({ code: String(code), type, message });
const limits = { timeoutMs: 1_000, memoryBytes: 1_000, rows: 1_000 };
/** What a reader is answered; 500: it is a defect of ours, and nobody made a problem of it. */
const statusOf = (error: unknown): number => problemOf(toFault(error), limits)?.kind.status ?? 500;

it.each<[string, number, FaultKind, number]>([
  ['AUTHENTICATION_FAILED', 516, 'away', 503],
  ['UNKNOWN_USER', 192, 'away', 503],
  ['TOO_MANY_PARTS', 252, 'away', 503],
  ['TABLE_IS_READ_ONLY', 242, 'away', 503],
  ['NOBODY_KNOWS', 9_999, 'away', 503],
  ['TIMEOUT_EXCEEDED', 159, 'limit', 422],
  ['MEMORY_LIMIT_EXCEEDED', 241, 'limit', 422],
  ['SYNTAX_ERROR', 62, 'query', 500],
  ['UNKNOWN_IDENTIFIER', 47, 'query', 500],
  ['CANNOT_PARSE_DATE', 38, 'data', 500],
])('sorts %s (%d) as %s, which a reader is answered with %d', (type, code, kind, status) => {
  expect(toFault(said(code, type))).toMatchObject({ kind, code, type });
  expect(statusOf(said(code, type))).toBe(status);
});

it('takes limits that a read runs into for passing trouble of a write, and the memory of all for passing trouble of both', () => {
  expect(toFault(said(241, 'MEMORY_LIMIT_EXCEEDED'), true)).toMatchObject({ kind: 'away' });
  const ofAll = said(241, 'MEMORY_LIMIT_EXCEEDED', 'Memory limit (total) exceeded: would use 8.00 GiB');
  expect([toFault(ofAll).kind, toFault(ofAll, true).kind, statusOf(ofAll)]).toEqual(['away', 'away', 503]);
});

it('tells no answer from an answer, and passes on no word of the engine', () => {
  expect(toFault(new Error('Timeout error.'))).toMatchObject({
    kind: 'away',
    code: undefined,
    type: 'NO_ANSWER_IN_TIME',
  });
  expect(toFault(new Error('socket hang up'))).toMatchObject({ kind: 'away', code: undefined, type: 'NOT_REACHABLE' });
  expect(JSON.stringify(toFault(said(38, 'CANNOT_PARSE_DATE', "before: 'secret'")))).not.toContain('secret');
  expect(toFault(said(38, 'CANNOT_PARSE_DATE', "before: 'secret'")).message).not.toContain('secret');
});
