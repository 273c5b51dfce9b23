// What changed but could not be noted, because Postgres is away? Kept in memory, bounded: coarser the more there is, never less.
import type { TimeRange } from '../../common/time-range';
import { dayOf } from './cells';

/** A stretch of a project's time. */
export interface ProjectRange extends TimeRange {
  /** The project's number. */
  readonly project: number;
}

/** Names a range across projects. */
export const rangeKey = ({ project, from, to }: ProjectRange): string => `${project}:${from}:${to}`;

/** More ranges than this of one project become days, more days than this one range. */
const MOST_RANGES = 2_000;

/** Ranges that are owed. */
export class Debts {
  readonly #ranges = new Map<number, Map<string, TimeRange>>();

  /** The projects that something is owed for. */
  get projects(): number[] {
    return [...this.#ranges.keys()];
  }

  /** Of how many projects. */
  get size(): number {
    return this.#ranges.size;
  }

  has(project: number): boolean {
    return this.#ranges.has(project);
  }

  add({ project, from, to }: ProjectRange): void {
    let ranges = this.#ranges.get(project);
    if (ranges === undefined) this.#ranges.set(project, (ranges = new Map()));
    ranges.set(`${from}:${to}`, { from, to });
    if (ranges.size <= MOST_RANGES) return;
    const days = new Map<string, TimeRange>();
    for (const range of ranges.values()) {
      const day = { from: dayOf(range.from).from, to: dayOf(range.to - 1).to };
      days.set(`${day.from}:${day.to}`, day);
    }
    const few = days.size <= MOST_RANGES / 2;
    const all = {
      from: Math.min(...[...days.values()].map((day) => day.from)),
      to: Math.max(...[...days.values()].map((day) => day.to)),
    };
    this.#ranges.set(project, few ? days : new Map([[`${all.from}:${all.to}`, all]]));
  }

  /** Everything that is owed, project by project. */
  all(): ProjectRange[] {
    return [...this.#ranges].flatMap(([project, ranges]) =>
      [...ranges.values()].map(({ from, to }) => ({ project, from, to })),
    );
  }
}
