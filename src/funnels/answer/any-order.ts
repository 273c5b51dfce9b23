// Which steps can be the same event? In a funnel of any order one event serves one step, so these must be given out together. Pure.
import type { Filter } from '../../events/query';
import { Bound } from '../../platform/clickhouse/sql';
import type { FunnelStep } from '../funnel.types';

/** Steps that compete for the same events; no event can be a step of two kinds. */
export type StepKind =
  /** Equal steps: the first event that fits is one of them, the second another. */
  | { readonly same: true; readonly steps: readonly number[] }
  /** Different ones: which sets of them can be done is kept as bits, bit U for the set U. */
  | {
      readonly same: false;
      readonly steps: readonly number[];
      readonly type: string;
      readonly none: Bound;
      /** All sets without the step at a place. */
      readonly without: (place: number) => Bound;
      /** All sets of so many steps. */
      readonly ofSize: (count: number) => Bound;
    };

/** More different steps than this can't be told apart in 256 bits. */
export const MOST_ALIKE = 8;

/** The only name that an event can have which a filter selects; undefined: several, or any. */
const nameOf = (filter: Filter): string | undefined => {
  if (filter.kind === 'and') return filter.filters.map(nameOf).find((name) => name !== undefined);
  if (filter.kind !== 'test' || filter.dimension !== 'event' || filter.op !== 'is') return undefined;
  return filter.values.length === 1 ? filter.values[0] : undefined;
};

/** Kinds of the steps of a funnel; steps are numbered from 1. Steps of different names of events are of different kinds. */
export const kindsOf = (steps: readonly FunnelStep[]): StepKind[] => {
  const byName = new Map<string, number[]>();
  // A step whose name is not known may be any event: then all are of one kind.
  const open = steps.some(({ target }) => nameOf(target) === undefined);
  steps.forEach(({ target }, at) => {
    const name = open ? '' : (nameOf(target) ?? '');
    byName.set(name, [...(byName.get(name) ?? []), at + 1]);
  });
  return [...byName.values()].map((members) => {
    const targets = new Set(members.map((step) => JSON.stringify(steps[step - 1]?.target)));
    return targets.size === 1 ? { same: true, steps: members } : differing(members);
  });
};

/** Whether the steps can be told apart. */
export const canBeInAnyOrder = (steps: readonly FunnelStep[]): boolean =>
  kindsOf(steps).every((kind) => kind.same || kind.steps.length <= MOST_ALIKE);

const differing = (steps: readonly number[]): StepKind => {
  const sets = 2 ** steps.length;
  const type = sets <= 64 ? 'UInt64' : sets === 128 ? 'UInt128' : 'UInt256';
  const all = (which: (set: number) => boolean): Bound => {
    let bits = 0n;
    for (let set = 0; set < sets; set += 1) if (which(set)) bits |= 1n << BigInt(set);
    return new Bound(type, bits.toString());
  };
  return {
    same: false,
    steps,
    type,
    none: new Bound(type, '0'),
    without: (place) => all((set) => (set & (2 ** place)) === 0),
    ofSize: (count) => all((set) => sizeOf(set) === count),
  };
};

const sizeOf = (set: number): number => (set === 0 ? 0 : (set & 1) + sizeOf(set >> 1));
