// Which figures does a property of events give? `sum(property:price)`, `p90(property:price)` and the like, over the selected events that have it.
import { createHash } from 'node:crypto';
import { findDimension, PLAIN } from '../events/query';
import { ident, sql, type Sql } from '../platform/clickhouse/sql';
import type { Metric } from './metric';

/** A property as SQL; see `Dimension`. */
interface Property {
  readonly value: Sql;
  readonly present: Sql;
  readonly number: Sql;
  readonly json: Sql;
  /** The column of a part: names hold a hash of the key, so that `sum` and `avg` of one property share theirs. */
  readonly column: (part: string) => string;
}

/** An aggregate: its columns, and its value out of them. Side 0 are events. */
interface Aggregate {
  readonly parts: (property: Property) => Readonly<Record<string, Sql>>;
  readonly total: (column: (part: string) => Sql) => Sql;
  /** The value where no event has the property; null: there is none. */
  readonly zero: 0 | null;
}

/** NULL for what JSON can't say as a number. */
const finite = (value: Sql): Sql => sql`if(isFinite(${value}), ${value}, NULL)`;

/** A property's number as a decimal of 18 places, and whether it has one (UInt8): a number, of less than 10^40. */
export const decimalOf = ({ json, number }: Pick<Property, 'json' | 'number'>) => ({
  amount: sql`toDecimal256OrZero(${json}, 18)`,
  given: sql`ifNull(abs(${number}) < 1e40, 0)`,
});

/** Sums are of decimals, to 18 places: a binary sum depends on the order in which threads finish, and a cursor would skip rows by it.
 *  Numbers of 10^40 and more have no decimals; they are summed as they are. */
const sumParts = ({ json, number, column }: Property) => ({
  [column('decimals')]: sql`sumIf(${decimalOf({ json, number }).amount}, ${decimalOf({ json, number }).given})`,
  [column('giants')]: sql`sumIf(ifNull(${number}, 0), ifNull(abs(${number}) >= 1e40, 0))`,
});
// Through text: the engine's own way from a decimal to a binary number rounds twice.
const sumTotal = (column: (part: string) => Sql): Sql =>
  sql`(toFloat64(toString(sumIf(${column('decimals')}, side = 0))) + sumIf(${column('giants')}, side = 0))`;

const extreme = (which: 'min' | 'max'): Aggregate => ({
  parts: ({ number, column }) => ({ [column(which)]: sql`${ident(which)}(${number})` }),
  total: (column) => sql`${ident(`${which}If`)}(${column(which)}, side = 0)`,
  zero: null,
});

/** The value below which a share of the numbers lies: linear between the two closest ranks of all of them. */
const percentile = (share: Sql): Aggregate => ({
  parts: ({ number, column }) => ({ [column('numbers')]: sql`groupArray(${number})` }),
  total: (column) => finite(sql`quantileExactInclusiveArrayIf(${share})(${column('numbers')}, side = 0)`),
  zero: null,
});

const aggregates: ReadonlyMap<string, Aggregate> = new Map<string, Aggregate>([
  ['sum', { parts: sumParts, total: (column) => finite(sumTotal(column)), zero: 0 }],
  [
    'avg',
    {
      parts: (property) => ({ ...sumParts(property), [property.column('counted')]: sql`count(${property.number})` }),
      total: (column) => finite(sql`${sumTotal(column)} / sumIf(${column('counted')}, side = 0)`),
      zero: null,
    },
  ],
  ['min', extreme('min')],
  ['max', extreme('max')],
  ['p50', percentile(sql`0.5`)],
  ['p75', percentile(sql`0.75`)],
  ['p90', percentile(sql`0.9`)],
  ['p99', percentile(sql`0.99`)],
  [
    'uniq',
    {
      parts: ({ value, present, column }) => ({ [column('distinct')]: sql`uniqExactStateIf(${value}, ${present})` }),
      total: (column) => sql`uniqExactMergeIf(${column('distinct')}, side = 0)`,
      zero: 0,
    },
  ],
]);

/** How such a metric is written, for messages and documentation. */
export const PROPERTY_METRICS = `${[...aggregates.keys()].join('|')}(property:<key>)`;
/** The same as a pattern of JSON schema. */
export const PROPERTY_METRICS_PATTERN = `^(${[...aggregates.keys()].join('|')})\\(property:`;

const FORM = /^([a-z0-9]+)\((property:.+)\)$/s;

/** The metric of a name such as `p90(property:price)`; undefined for other names. */
export const propertyMetric = (name: string): Metric | undefined => {
  const [, aggregate = '', dimension = ''] = FORM.exec(name) ?? [];
  const found = aggregates.get(aggregate);
  const { value, present, number, json } = findDimension(dimension) ?? {};
  if (found === undefined || !value || !present || !number || !json) return undefined;
  const hash = createHash('sha256').update(dimension).digest('hex').slice(0, 16);
  const column = (part: string): string => `${part}_${hash}`;
  return {
    name,
    side: 'events',
    needs: PLAIN,
    parts: found.parts({ value, present, number, json, column }),
    total: found.total((part) => ident(column(part))),
    sortable: true,
    nullable: true,
    read: (raw) => (raw === null ? null : Number(raw)),
    zero: () => found.zero,
  };
};
