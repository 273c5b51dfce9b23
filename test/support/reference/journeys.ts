// What are the right journeys? The definitions of docs/journeys.md in plain TypeScript over a list of events: slow and obvious.
//
// - A unit is a session that began in the range, with all its events, or a visitor with its events in the range. Events are in the order
//   of docs/statistics.md; sessions, visitors and what a filter selects are those of that page too.
// - A step is a selected event: a pageview, shown as the name of the first group that its path matches, else as its path; or, by event,
//   any event, shown as its name. Folded, the same value several times in a row is one step. A unit's first 1,000 steps count.
// - An anchor means the steps whose value is the same text, or matches it as a glob.
// - A unit's path is its first steps; or, of at most so many steps, those from the first `start` on; those up to the first `end`; with
//   both those from the first `start` to the first `end` after it, if there are no more than that; with `around` those around the first
//   step that it means, half of the others before it, the odd one after it. Whoever has no such step, or no step at all, does not count.
// - A step of the picture has the number of steps that it comes after the first one, or after the anchor of `end` and `around`. The 15
//   most frequent values of it are nodes of their own, of equally frequent ones those that come first as bytes; the rest is one node.
import { globPattern } from '../../../src/common/glob';
import type { TimeRange } from '../../../src/common/time-range';
import { type JsonFilter, type seeEvents, selects } from './statistics';

type Seen = ReturnType<typeof seeEvents>[number];

/** How a question is put. */
export interface Asked {
  by: 'page' | 'event';
  unit: 'visitor' | 'session';
  repeats: 'fold' | 'keep';
  steps: number;
  groups: readonly { glob: string; name: string }[];
  start?: string | undefined;
  end?: string | undefined;
  around?: string | undefined;
}

/** An answer; `value` and the ends of links are undefined for the others. */
export interface Found {
  total: number;
  paths: { path: string[]; units: number }[];
  nodes: { step: number; value: string | undefined; units: number; entries: number; exits: number }[];
  links: { step: number; source: string | undefined; target: string | undefined; units: number }[];
}

/** Whether a glob means a value. */
const matches = (value: string, glob: string): boolean =>
  new RegExp(globPattern(glob).replace('(?s)', ''), 'su').test(value);

/** The values of a unit's steps. */
function walkOf(events: readonly Seen[], { by, repeats, groups }: Asked): string[] {
  const values = events
    .filter(({ name }) => by === 'event' || name === 'pageview')
    .map(({ name, path }) => (by === 'event' ? name : (groups.find(({ glob }) => matches(path, glob))?.name ?? path)));
  const kept = values.filter((value, at) => repeats === 'keep' || at === 0 || value !== values[at - 1]);
  return kept.slice(0, 1_000);
}

/** The path of a unit, and the number of its first step; undefined: it does not count. */
function pathOf(walk: string[], { steps, start, end, around }: Asked): { path: string[]; first: number } | undefined {
  const find = (anchor: string, from = 0): number =>
    walk.findIndex((value, at) => at >= from && (value === anchor || matches(value, anchor)));
  if (around !== undefined) {
    const at = find(around);
    const before = Math.min(at, Math.floor((steps - 1) / 2));
    const after = steps - 1 - Math.floor((steps - 1) / 2);
    return at < 0 ? undefined : { path: walk.slice(at - before, at + after + 1), first: -before };
  }
  const from = start === undefined ? 0 : find(start);
  if (from < 0 || walk.length === 0) return undefined;
  if (end === undefined) return { path: walk.slice(from, from + steps), first: 0 };
  const to = find(end, start === undefined ? 0 : from + 1);
  if (to < 0) return undefined;
  if (start !== undefined) return to - from < steps ? { path: walk.slice(from, to + 1), first: 0 } : undefined;
  const path = walk.slice(Math.max(0, to + 1 - steps), to + 1);
  return { path, first: 1 - path.length };
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The journeys of a range. */
export function journeys(all: Seen[], range: TimeRange, filter: JsonFilter | undefined, asked: Asked): Found {
  const isIn = (at: number): boolean => at >= range.from && at < range.to;
  const units = new Map<unknown, Seen[]>();
  for (const event of all) {
    const counts = asked.unit === 'session' ? isIn(event.whole.events[0]?.ts ?? 0) : isIn(event.ts);
    const unit = asked.unit === 'session' ? event.whole : event.identity;
    if (counts && selects(filter, event, all, range)) units.set(unit, [...(units.get(unit) ?? []), event]);
  }
  const taken = [...units.values()].flatMap((events) => pathOf(walkOf(events, asked), asked) ?? []);

  const paths = new Map<string, { path: string[]; units: number }>();
  const nodes = new Map<string, { step: number; value: string; units: number; entries: number; exits: number }>();
  for (const { path, first } of taken) {
    const key = JSON.stringify(path);
    paths.set(key, { path, units: (paths.get(key)?.units ?? 0) + 1 });
    for (const [at, value] of path.entries()) {
      const step = first + at;
      const name = JSON.stringify([step, value]);
      const node = nodes.get(name) ?? { step, value, units: 0, entries: 0, exits: 0 };
      node.units += 1;
      node.entries += Number(at === 0);
      node.exits += Number(at === path.length - 1);
      nodes.set(name, node);
    }
  }
  const ranked = [...nodes.values()].sort((a, b) => b.units - a.units || byBytes(a.value, b.value));
  const shown = (step: number, value: string): string | undefined =>
    ranked
      .filter((node) => node.step === step)
      .slice(0, 15)
      .find((node) => node.value === value)?.value;
  const others = new Map<number, Found['nodes'][number]>();
  const own = ranked.flatMap((node): Found['nodes'] => {
    if (shown(node.step, node.value) !== undefined) return [node];
    const rest = others.get(node.step) ?? { step: node.step, value: undefined, units: 0, entries: 0, exits: 0 };
    rest.units += node.units;
    rest.entries += node.entries;
    rest.exits += node.exits;
    others.set(node.step, rest);
    return [];
  });
  const links = new Map<string, Found['links'][number]>();
  for (const { path, first } of taken)
    for (const [at, value] of path.slice(0, -1).entries()) {
      const step = first + at;
      const source = shown(step, value);
      const target = shown(step + 1, path[at + 1] ?? '');
      const key = JSON.stringify([step, source ?? null, target ?? null]);
      links.set(key, { step, source, target, units: (links.get(key)?.units ?? 0) + 1 });
    }
  return {
    total: taken.length,
    paths: [...paths.values()].sort((a, b) => b.units - a.units || byBytes(a.path.join('\n'), b.path.join('\n'))),
    nodes: [...own, ...others.values()],
    links: [...links.values()],
  };
}
