// Do those who ask the same wait together, and does a question end with the last of them?
import { Flights } from './flights';

interface Work {
  readonly signal: AbortSignal;
  readonly done: (value: string) => void;
  readonly fail: (error: Error) => void;
}

let works: Work[];
let flights: Flights<number, string>;
beforeEach(() => {
  works = [];
  flights = new Flights();
});

const begin = (key = 'k', about = 1) =>
  flights.begin(
    key,
    about,
    (signal) =>
      new Promise((done, fail) => {
        works.push({ signal, done, fail });
        signal.addEventListener('abort', () => fail(new Error('stopped')));
      }),
  );
const away = () => new AbortController();

it('answers all who wait', async () => {
  const flight = begin();
  const waiting = [flight.wait(), flight.wait(), flights.of('k')!.flight.wait()];
  expect(flights.of('k')!.about).toBe(1);
  works[0]!.done('answer');
  expect(await Promise.all(waiting)).toEqual(['answer', 'answer', 'answer']);
  expect(flights.size).toBe(0);
  expect(works[0]!.signal.aborted).toBe(false);
});

it('goes on for the others when somebody leaves', async () => {
  const [first, other] = [away(), away()];
  const flight = begin();
  const left = flight.wait(first.signal);
  const stayed = flight.wait(other.signal);
  first.abort();
  await expect(left).rejects.toThrow('The client went away');
  expect(works[0]!.signal.aborted).toBe(false);
  works[0]!.done('answer');
  expect(await stayed).toBe('answer');
});

it('ends when the last one leaves, and nobody joins it any more', async () => {
  const [first, other] = [away(), away()];
  const flight = begin();
  const waiting = [flight.wait(first.signal), flight.wait(other.signal)];
  first.abort();
  other.abort();
  await Promise.allSettled(waiting);
  expect(works[0]!.signal.aborted).toBe(true);
  expect(flights.of('k')).toBeUndefined();
});

it('does not wait for somebody who has left before', async () => {
  const gone = away();
  gone.abort();
  await expect(begin().wait(gone.signal)).rejects.toThrow('The client went away');
  expect(works[0]!.signal.aborted).toBe(true);
});

it('tells everybody what went wrong', async () => {
  const flight = begin();
  const waiting = [flight.wait(), flight.wait()];
  works[0]!.fail(new Error('away'));
  expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(flights.size).toBe(0);
});

it('keeps a newer question of the same name when an older one ends', async () => {
  const older = begin('k', 1).wait();
  const newer = begin('k', 2).wait();
  works[0]!.done('old');
  expect(await older).toBe('old');
  expect(flights.of('k')?.about).toBe(2);
  works[1]!.done('new');
  expect(await newer).toBe('new');
});
