// What became of each line of a log? Counted while it is read and sent, and shown at the end: the parts add up to the whole.
import type { BatchAnswer } from '../client';
import { table } from '../command';
import { SKIP_REASONS, SKIP_WORDS, type SkipReason } from './page-rule';

/** How many unreadable lines and rejections are shown with their place; the rest are counted. */
const SHOWN = 5;

/** Lines = taken + skipped + unreadable; of the taken ones, answered = accepted + duplicates + filtered + rejected. */
export class Tally {
  lines = 0;
  taken = 0;
  unreadable = 0;
  accepted = 0;
  duplicates = 0;
  readonly skipped = new Map<SkipReason, number>();
  readonly filtered = new Map<string, number>();
  readonly rejected = new Map<string, number>();
  readonly #examples: string[] = [];
  readonly #rejections: string[] = [];

  skip(reason: SkipReason): void {
    add(this.skipped, reason);
  }

  /** @param line its number in the file, from 1 */
  cannotRead(line: number, why: string): void {
    this.unreadable += 1;
    if (this.#examples.length < SHOWN) this.#examples.push(`line ${line}: ${why}`);
  }

  /** @param lines the numbers of the lines that were sent, in the order of the batch */
  answered(answer: BatchAnswer, lines: readonly number[]): void {
    this.accepted += answer.accepted;
    this.duplicates += answer.duplicates;
    for (const { reason } of answer.filtered) add(this.filtered, reason);
    for (const { index, code, errors } of answer.rejected) {
      add(this.rejected, code);
      const first = errors?.[0];
      if (this.#rejections.length < SHOWN)
        this.#rejections.push(
          `line ${lines[index] ?? '?'}: ${first === undefined ? code : `${first.path} ${first.message}`.trim()}`,
        );
    }
  }

  get answeredCount(): number {
    return this.accepted + this.duplicates + sum(this.filtered) + sum(this.rejected);
  }

  /** The summary, ready to print. */
  toString(): string {
    const rows: [string, (number | string)?][] = [
      ['Lines', this.lines],
      ['Taken as pageviews', this.taken],
      ['  accepted', this.accepted],
      ['  known already', this.duplicates],
      ...[...this.filtered].map(([reason, count]): [string, number] => [`  left out by the project: ${reason}`, count]),
      ...[...this.rejected].map(([code, count]): [string, number] => [`  refused by the server: ${code}`, count]),
    ];
    const unsent = this.taken - this.answeredCount;
    if (unsent > 0) rows.push(['  not sent', unsent]);
    rows.push(['Skipped', sum(this.skipped)]);
    for (const reason of SKIP_REASONS) {
      const count = this.skipped.get(reason);
      if (count !== undefined) rows.push([`  ${SKIP_WORDS[reason]}`, count]);
    }
    rows.push(['Refused as unreadable', this.unreadable]);
    const places = [...this.#examples, ...this.#rejections].map((text) => `  ${text}`);
    return [table(rows), ...places].join('\n');
  }
}

const add = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
const sum = <K>(counts: ReadonlyMap<K, number>): number => [...counts.values()].reduce((total, n) => total + n, 0);
