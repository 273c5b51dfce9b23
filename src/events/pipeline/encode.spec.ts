// Does the warehouse read back exactly the row that was encoded?
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { packageRoot } from '../../config/paths';
import { encodeRow, eventColumns } from './encode';
import { emptyRow } from './event-row';
import type { EventRow } from './event-row';
import { ingestEvent } from './pipeline';
import { aContext } from './world.fixture';

/** Reads an encoded row back as the warehouse does. */
const decode = (line: string): EventRow => {
  const values = JSON.parse(line) as unknown[];
  const row = Object.fromEntries(eventColumns.map((name, index) => [name, values[index]]));
  const time = (text: unknown): number => Date.parse(`${String(text).replace(' ', 'T')}Z`);
  return {
    ...(row as unknown as EventRow),
    ts: time(row['ts']),
    received_at: time(row['received_at']),
    properties: Object.entries(row['properties'] as Record<string, string>),
  };
};

const text = fc.string({ unit: 'grapheme' });
const plain = fc.string();

describe('encodeRow', () => {
  it('has the columns of the table, in its order', () => {
    const file = join(packageRoot, 'src/platform/clickhouse/migrations/001_events.sql');
    const table = /TABLE IF NOT EXISTS events .*?\n([^]*?)\n\) ENGINE/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
    const columns = [...table.matchAll(/^ {2}([a-z_]+) [A-Z]\w/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'INDEX');
    expect(eventColumns).toEqual(columns);
  });

  it('comes back as it was, on one line', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(1971, 0, 1), max: Date.UTC(2261, 0, 1) }),
        fc.oneof(text, plain),
        fc.dictionary(fc.oneof(text, plain, fc.constantFrom('__proto__', 'constructor')), fc.jsonValue()),
        (ts, own, properties) => {
          const row: EventRow = {
            ...emptyRow(4_294_967_295, ts),
            seq: 65_535,
            event_id: '0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a11',
            visitor_id: '18446744073709551615',
            name: own,
            path: `/${own}"\\\n\u2028`,
            title: own,
            revenue: '-99999999999999.9999',
            currency: 'EUR',
            properties: Object.keys(properties).map((key) => [key, JSON.stringify(properties[key])]),
          };
          const line = encodeRow(row);
          expect(line).not.toMatch(/[\r\n]/);
          const back = decode(line);
          const sorted = (of: EventRow) => ({
            ...of,
            properties: [...of.properties].sort(([a], [b]) => (a < b ? -1 : 1)),
          });
          expect(sorted(back)).toEqual(sorted(row));
        },
      ),
    ));

  it('keeps the types of properties', () => {
    const properties = JSON.parse(
      '{"n":1.50,"t":"1.50","f":false,"z":null,"o":{"a":[1,"x"]},"__proto__":"p"}',
    ) as object;
    const outcome = ingestEvent({ name: 'x', visitorId: 'v', properties }, aContext());
    const back = outcome.kind === 'event' ? decode(encodeRow(outcome.row)).properties : [];
    expect(back.map(([key, json]) => [key, JSON.parse(json) as unknown])).toEqual([
      ['n', 1.5],
      ['t', '1.50'],
      ['f', false],
      ['z', null],
      ['o', { a: [1, 'x'] }],
      ['__proto__', 'p'],
    ]);
  });
});
