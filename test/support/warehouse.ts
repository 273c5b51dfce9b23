// A warehouse in memory, for tests of what is derived when: its rows are what a cell should say, counted in plain TypeScript.
import { CellStore, type CellToWrite, type WrittenCell } from '../../src/aggregation/cell-store';
import { DAY_MS, MINUTE_MS, type TimeRange } from '../../src/common/time-range';

/** An event: when, and whose. */
export interface SmallEvent {
  readonly ts: number;
  readonly who: string;
}

/** What a cell says: its events, and the lengths in events of the sessions that began in it. */
export interface SmallFigures {
  readonly events: number;
  readonly sessions: readonly number[];
}

const SILENCE_MS = 30 * MINUTE_MS;

/** Events and derived rows of many projects. */
export class SmallWarehouse extends CellStore {
  readonly events = new Map<number, SmallEvent[]>();
  readonly rows = new Map<number, SmallFigures>();
  writes: CellToWrite[] = [];
  /** Cells with fewer events have no rows. */
  detailedFrom = 1;

  add(project: number, ...events: readonly SmallEvent[]): void {
    this.events.set(project, [...(this.events.get(project) ?? []), ...events]);
  }

  figures(project: number, range: TimeRange, cut: number): SmallFigures {
    const seen = this.#before(project, cut);
    return {
      events: seen.filter(({ ts }) => ts >= range.from && ts < range.to).length,
      sessions: this.#sessions(project, cut)
        .filter(([first = 0]) => first >= range.from && first < range.to)
        .map(({ length }) => length)
        .toSorted((a, b) => a - b),
    };
  }

  write(cell: CellToWrite): Promise<WrittenCell> {
    const figures = this.figures(cell.project, cell.range, cell.cut);
    const detailed = figures.events >= this.detailedFrom;
    this.writes.push(cell);
    if (detailed) this.rows.set(cell.version, figures);
    return Promise.resolve({ events: figures.events, detailed, skipped: [] });
  }

  volumes(): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(new Map([...this.events].map(([project, events]) => [project, events.length])));
  }

  begins(project: number, range: TimeRange, before: number): Promise<number[]> {
    return Promise.resolve(
      this.#touching(project, range, Infinity).flatMap(([first = 0]) => (first < before ? [first] : [])),
    );
  }

  extent(project: number, range: TimeRange, cut: number): Promise<TimeRange> {
    const times = this.#touching(project, range, cut).flat();
    return Promise.resolve({
      from: Math.min(range.from, ...times),
      to: Math.max(range.to, ...times.map((at) => at + 1)),
    });
  }

  openFrom(project: number, cut: number): Promise<number> {
    const open = this.#sessions(project, cut).filter((times) => (times.at(-1) ?? 0) >= cut - SILENCE_MS);
    return Promise.resolve(Math.min(cut, ...open.map(([first = cut]) => first)));
  }

  days(project: number, before: number): Promise<number[]> {
    return Promise.resolve([
      ...new Set(this.#before(project, before).map(({ ts }) => Math.floor(ts / DAY_MS) * DAY_MS)),
    ]);
  }

  count(project: number, range: TimeRange): Promise<number> {
    return Promise.resolve(this.figures(project, range, Infinity).events);
  }

  differs({ project, range, cut, version }: CellToWrite): Promise<string[]> {
    const [kept, right] = [this.rows.get(version), this.figures(project, range, cut)];
    return Promise.resolve(JSON.stringify(kept) === JSON.stringify(right) ? [] : ['events']);
  }

  #before(project: number, cut: number): SmallEvent[] {
    return (this.events.get(project) ?? []).filter(({ ts }) => ts < cut).toSorted((a, b) => a.ts - b.ts);
  }

  #sessions(project: number, cut: number): number[][] {
    const open = new Map<string, number[]>();
    const all: number[][] = [];
    for (const { ts, who } of this.#before(project, cut)) {
      const last = open.get(who);
      if (last !== undefined && ts - (last.at(-1) ?? 0) <= SILENCE_MS) last.push(ts);
      else {
        const session = [ts];
        open.set(who, session);
        all.push(session);
      }
    }
    return all;
  }

  #touching(project: number, range: TimeRange, cut: number): number[][] {
    return this.#sessions(project, cut).filter((times) => times.some((at) => at >= range.from && at < range.to));
  }
}
