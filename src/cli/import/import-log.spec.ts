// Is every line accounted for, is the same sent each time, and what happens when the server stops answering?
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ownLog } from '../../../test/support/own-log';
import { packageRoot } from '../../config/paths';
import type { EventInput } from '../../events/event-input';
import { ApiFailure, type BatchAnswer } from '../client';
import type { Output } from '../command';
import { importLog } from './import-log';
import { openLogFile } from './lines';

const silent: Output = { line: () => undefined, note: () => undefined, interactive: false };
const allAccepted = (events: readonly EventInput[]): BatchAnswer => ({
  accepted: events.length,
  duplicates: 0,
  filtered: [],
  rejected: [],
});

let folder: string;
let log: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-log-'));
  log = join(folder, 'access.log.gz');
  writeFileSync(log, gzipSync(ownLog(4_000)));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (answer: (events: readonly EventInput[], batch: number) => BatchAnswer = allAccepted) => {
  const sent: EventInput[] = [];
  let batches = 0;
  const client = {
    sendEvents: (events: readonly EventInput[]) => {
      sent.push(...events);
      return Promise.resolve().then(() => answer(events, batches++));
    },
  };
  return { sent, ...(await importLog(client, await openLogFile(log), { format: 'combined' }, silent)) };
};

it('sends what a count by other means finds in the file', async () => {
  const reference = JSON.parse(
    execFileSync(process.execPath, [join(packageRoot, 'test', 'support', 'log-reference.mjs'), log], {
      encoding: 'utf8',
    }),
  ) as { lines: number; unreadable: number; pageviews: number; visitors: number };
  const { sent, tally } = await run();
  expect({
    lines: tally.lines,
    unreadable: tally.unreadable,
    pageviews: sent.length,
    visitors: new Set(sent.map(({ visitorId }) => visitorId)).size,
  }).toEqual({
    lines: reference.lines,
    unreadable: reference.unreadable,
    pageviews: reference.pageviews,
    visitors: reference.visitors,
  });
});

it('sends the same events each time, every one with an id of its own', async () => {
  const byId = (events: EventInput[]) => new Map(events.map((event) => [event.id, event]));
  const [one, other] = [await run(), await run()];
  expect(byId(one.sent).size).toBe(one.sent.length);
  expect(byId(other.sent)).toEqual(byId(one.sent));
});

it('accounts for every line, whatever the server says', async () => {
  const { tally } = await run((events) => ({
    accepted: events.length - 3,
    duplicates: 1,
    filtered: [{ index: 0, reason: 'bot' }],
    rejected: [{ index: 1, code: 'invalid_event', errors: [{ path: 'url', message: 'is too long' }] }],
  }));
  const skipped = [...tally.skipped.values()].reduce((sum, count) => sum + count, 0);
  expect(tally.taken + skipped + tally.unreadable).toBe(tally.lines);
  expect(tally.answeredCount).toBe(tally.taken);
  expect(tally.toString()).toMatch(/refused by the server: invalid_event +\d/);
  expect(tally.toString()).toMatch(/line \d+: url is too long/);
});

it('stops at a failure, and says what was not sent', async () => {
  const { tally, failure } = await run((events, batch) => {
    if (batch > 0) throw new ApiFailure('the server answered 503', 503);
    return allAccepted(events);
  });
  expect(failure).toMatchObject({ status: 503 });
  expect(tally.accepted).toBe(1_000);
  expect(tally.toString()).toMatch(/not sent +[\d,]+/);
});
