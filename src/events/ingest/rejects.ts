// What is kept of an event that was refused? Enough to mend its sender: the reason and the event, without what identifies a person.
import { newId } from '../../common/ids';
import type { FieldError } from '../../common/problem';
import { clickhouseTime } from '../../platform/clickhouse/sql';
import type { Project } from '../../projects/projects.types';
import { hashIdentifier } from '../pipeline';
import type { Entry, Reject } from './block';

export const rejectColumns = [
  'project_id',
  'reject_id',
  'received_at',
  'event_id',
  'name',
  'code',
  'errors',
  'payload',
] as const;

const MAX_PAYLOAD = 32_768;
const MAX_TEXT = 200;
/** A reader of JSON calls itself for each level; what lies deeper is not shown. */
const MAX_LEVELS = 64;
/** Each value takes two characters at least, so no more of them fit. */
const MAX_VALUES = MAX_PAYLOAD / 2;

/** A reject's row.
 *  @param event as it was parsed, or the text that could not be
 *  @param at when it arrived, milliseconds */
export function toReject(
  project: Project,
  event: unknown,
  code: string,
  errors: readonly FieldError[],
  at: number,
): Reject {
  const fields = typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : {};
  return row(
    project.number,
    at,
    fields.id,
    fields.name,
    code,
    errors,
    JSON.stringify(withoutPerson(project, excerpt(event, MAX_LEVELS, { left: MAX_VALUES }))) ?? '',
  );
}

/** The reject of a row that passed every rule of ours and that the engine refused all the same. */
export const rejectOfRefusedRow = (entry: Entry, at: number): Reject =>
  row(entry.project, at, entry.id, '', 'refused_by_store', [], entry.line);

const row = (
  project: number,
  at: number,
  id: unknown,
  name: unknown,
  code: string,
  errors: readonly FieldError[],
  payload: string,
): Reject => ({
  project,
  line: JSON.stringify([
    project,
    newId(),
    clickhouseTime(at),
    plain(id),
    plain(name),
    code,
    plain(JSON.stringify(errors), MAX_PAYLOAD),
    plain(payload, MAX_PAYLOAD),
  ]),
});

/** Text that a column takes, whatever was sent. */
const plain = (value: unknown, max = MAX_TEXT): string =>
  typeof value === 'string' ? value.slice(0, max).toWellFormed().replaceAll('\0', '\uFFFD') : '';

/** Identifiers become the hashes under which everything else is kept, addresses are left out. */
function withoutPerson(project: Project, event: unknown): unknown {
  if (typeof event === 'string') return textWithoutPerson(project, event);
  if (Array.isArray(event))
    return event.map((part) => (typeof part === 'string' ? part : withoutPerson(project, part)));
  if (typeof event !== 'object' || event === null) return event;
  const copy: Record<string, unknown> = { ...event };
  for (const [name, kind] of Object.entries(KINDS))
    if (copy[name] !== undefined && copy[name] !== null) copy[name] = hashOf(project, kind, copy[name]);
  if (typeof copy.context === 'object' && copy.context !== null) copy.context = { ...copy.context, ip: undefined };
  return copy;
}

const KINDS = { visitorId: 'v', userId: 'u', sessionId: 's' } as const;

/** Of a value of any type: a number is refused, and is somebody's identifier all the same. */
const hashOf = (project: Project, kind: 'v' | 'u' | 's', value: unknown): string =>
  hashIdentifier(project, kind, typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** What of a value can be shown: down to a level, where `…` stands for the rest, and up to a number of values. `JSON.stringify` of one that is
 *  nested without end would exhaust the stack. */
function excerpt(value: unknown, levels: number, budget: { left: number }): unknown {
  // TRICKY: cut before it is searched, as a pattern that takes ten megabytes in one piece runs out of stack.
  if (typeof value === 'string') return value.slice(0, MAX_PAYLOAD);
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (const part of value) {
      if ((budget.left -= 1) < 0) break;
      list.push(excerpt(part, levels - 1, budget));
    }
    return list;
  }
  // Without a prototype, so that `__proto__` is a name like any other.
  const record = Object.create(null) as Record<string, unknown>;
  for (const name in value) {
    if ((budget.left -= 1) < 0) break;
    record[name] = excerpt((value as Record<string, unknown>)[name], levels - 1, budget);
  }
  return record;
}

/** What could not be read may name somebody too. */
const textWithoutPerson = (project: Project, event: string): string =>
  event
    .replaceAll(
      /("(visitorId|userId|sessionId)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[\w.+-]+)/g,
      (_all, before: string, name: string, value: string) => {
        const text = value.startsWith('"') ? unquoted(value) : value;
        return `${before}"${hashOf(project, KINDS[name as keyof typeof KINDS], text)}"`;
      },
    )
    .replaceAll(/("ip"\s*:\s*)"[^"]*"?/g, '$1""');

const unquoted = (value: string): string => {
  try {
    return JSON.parse(value) as string;
  } catch {
    return value.replace(/^"|"$/g, '');
  }
};
