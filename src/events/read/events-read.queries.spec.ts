// Is the SQL of each read what was reviewed, and does a walk's every window follow the one before?
import fc from 'fast-check';
import { toRuns } from '../../common/buckets';
import { moneyText } from '../../common/money';
import { render, type Sql } from '../../platform/clickhouse/sql';
import { parseFilter } from '../query/filters';
import { countsByBucket, frequentNames, propertyKeysPage, propertyValues, summaryPage } from './event-figures.queries';
import { eventById, eventsPage, firstEvent } from './events-list.queries';
import { acceptsGzip } from './export-stream';
import { exportEvents } from './export.queries';
import { rejectedPage } from './rejected.queries';
import { toRejectedEventDto } from './rejected-event';
import { type EventRead, growingWindows } from './selection';

const range = { from: Date.UTC(2026, 2, 8, 5), to: Date.UTC(2026, 2, 10, 4) };
const read: EventRead = { project: 7, range };
const narrow: EventRead = {
  ...read,
  name: 'signup',
  visitorIds: ['00ff00ff00ff00ff', 'fedcba9876543210'],
  userIds: ['00000000000000aa'],
  sessionIds: ['00000000000000bb'],
  filter: parseFilter(['or', ['is', 'country', ["D'E"]], ['gt', 'property:seats', [5]]]),
};
const place = { tsMs: Date.UTC(2026, 2, 9), eventId: '0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a11' };
const slice = { limit: 51, after: 'a', search: "x'" };

const queries: [string, Sql][] = [
  ['eventsPage', eventsPage(read, 'desc', 51)],
  ['eventsPage, narrowed, after a place', eventsPage(narrow, 'asc', 51, place)],
  ['eventById', eventById(read, place.eventId)],
  ['firstEvent', firstEvent(7)],
  ['summaryPage', summaryPage(read, slice)],
  ['frequentNames', frequentNames(read, 20)],
  ['countsByBucket', countsByBucket({ ...read, names: ['a', "b'"] }, toRuns([range.from, range.from + 1_000]))],
  ['propertyKeysPage', propertyKeysPage(read, slice)],
  ['propertyValues', propertyValues(read, "pl'an", 50, 'x')],
  ['rejectedPage', rejectedPage(7, range, 'bad', 51, { receivedMs: place.tsMs, rejectId: place.eventId })],
  ['export ndjson', exportEvents('ndjson', read)],
  ['export csv', exportEvents('csv', read)],
  ['export parquet', exportEvents('parquet', narrow)],
];

it.each(queries)('%s reads as SQL', (_name, query) => {
  const { query: text, params } = render(query);
  expect(`${text}\n-- ${JSON.stringify(params)}`).toMatchSnapshot();
});

it.each(queries)('%s is of one project, and within days where it reads events', (_name, query) => {
  const { query: text, params } = render(query);
  const reads = text.match(/FROM (events|rejected_events)\b/g) ?? [];
  expect(reads.length).toBeGreaterThan(0);
  expect(text.match(/project_id = /g)?.length).toBeGreaterThanOrEqual(reads.length);
  const days = text.match(/toDate\(ts\) >= /g)?.length ?? 0;
  expect(days).toBeGreaterThanOrEqual(reads.filter((one) => one === 'FROM events').length);
  expect(Object.values(params)).toContain(7);
});

describe('windows of a walk', () => {
  const span = fc.tuple(fc.nat({ max: 5_000_000_000_000 }), fc.nat({ max: 4_000_000_000_000 }));

  it('cover the range without a gap or an overlap, in the order asked for', () =>
    fc.assert(
      fc.property(span, fc.constantFrom('asc' as const, 'desc' as const), ([from, length], order) => {
        const windows = [...growingWindows({ from, to: from + length }, order)];
        const ascending = order === 'asc' ? windows : [...windows].reverse();
        let at = from;
        for (const window of ascending) {
          expect(window.from).toBe(at);
          expect(window.to).toBeGreaterThan(window.from);
          at = window.to;
        }
        expect(at).toBe(from + length);
        expect(windows.length).toBeLessThanOrEqual(7);
      }),
    ));
});

it.each([
  ['12.5', '12.50'],
  ['12', '12.00'],
  ['0', '0.00'],
  ['-0.0375', '-0.0375'],
  ['100.1200', '100.12'],
])('writes the amount %s as %s', (amount, text) => {
  expect(moneyText(amount)).toBe(text);
});

it.each([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['br, GZIP;q=0.1', true],
  ['*', true],
  ['*;q=0', false],
  ['gzip;q=0, *', false],
  ['gzip; q=nonsense', false],
  ['identity', false],
])('reads Accept-Encoding %s as gzip: %s', (header, accepted) => {
  expect(acceptsGzip(header)).toBe(accepted);
});

it('shows what can be read of a refusal that had to be cut', () => {
  const row = { rejectId: 'r', receivedMs: 0, eventId: '', name: '', code: 'c', errors: '[{"pa', payload: '{"na' };
  expect(toRejectedEventDto(row)).toEqual({
    id: 'r',
    receivedAt: '1970-01-01T00:00:00.000Z',
    eventId: null,
    name: null,
    code: 'c',
    errors: [],
    payload: '{"na',
  });
});
