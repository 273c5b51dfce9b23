// From when on are ids looked at that may have come twice? Without a gap, also where the clock is set back.
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../common/time-range';
import { IngestProcessor } from './ingest.processor';

const START = Date.UTC(2026, 4, 1);

/** A processor whose clock the test sets; `since` are the moments from which it looked. */
function aProcessor() {
  const clock = { at: START, now: () => clock.at };
  const since: number[] = [];
  const store = {
    settleSince: (from: number) => {
      since.push(from);
      return Promise.resolve(0);
    },
  };
  const processor = new IngestProcessor(
    undefined as never,
    undefined as never,
    store as never,
    clock,
    undefined as never,
    undefined as never,
    undefined as never,
  );
  return { clock, since, processor };
}

it('looks an hour back at the start, then from where it was, a minute of it twice', async () => {
  const { clock, since, processor } = aProcessor();
  await processor.settle();
  clock.at += 20_000;
  await processor.settle();
  expect(since).toEqual([START - HOUR_MS - MINUTE_MS, START - MINUTE_MS]);
});

it('leaves out nothing that arrives after the clock was set back', async () => {
  const { clock, since, processor } = aProcessor();
  clock.at = START + 2 * DAY_MS;
  await processor.settle();
  clock.at = START;
  await processor.settle();
  clock.at = START + 20_000;
  await processor.settle();
  expect(since.slice(1)).toEqual([START - MINUTE_MS, START - MINUTE_MS]);
});
