// Does a rule fire where it says, and is its receiver told each thing once?
import fc from 'fast-check';
import { newsOf, stateOf } from './alert.verdict';
import type { AlertState, Condition } from './alerts.types';

const fires = (condition: Condition, threshold: number, value: number | null, previous?: number | null): AlertState =>
  stateOf({ condition, threshold }, previous === undefined ? { value } : { value, previous });

describe('a reading', () => {
  it.each<[Condition, number, number | null, number | null | undefined, AlertState]>([
    ['above', 10, 9.999, undefined, 'ok'],
    ['above', 10, 10, undefined, 'ok'],
    ['above', 10, 10.001, undefined, 'firing'],
    ['below', 10, 10.001, undefined, 'ok'],
    ['below', 10, 10, undefined, 'ok'],
    ['below', 10, 9.999, undefined, 'firing'],
    ['increasesBy', 0.5, 14, 10, 'ok'],
    ['increasesBy', 0.5, 15, 10, 'firing'],
    ['increasesBy', 0.5, 16, 10, 'firing'],
    ['increasesBy', 0.5, 5, 10, 'ok'],
    ['decreasesBy', 0.5, 6, 10, 'ok'],
    ['decreasesBy', 0.5, 5, 10, 'firing'],
    ['decreasesBy', 0.5, 4, 10, 'firing'],
    ['decreasesBy', 0.5, 20, 10, 'ok'],
    ['increasesBy', 1_000, 1, 0, 'firing'],
    ['increasesBy', 0.1, 0, 0, 'ok'],
    ['decreasesBy', 0.1, 0, 0, 'ok'],
    ['decreasesBy', 0.5, -15, -10, 'firing'],
    ['above', 10, null, undefined, 'unknown'],
    ['increasesBy', 0.5, null, 10, 'unknown'],
    ['increasesBy', 0.5, 10, null, 'unknown'],
  ])('%s %d: %d after %d is %s', (condition, threshold, value, previous, state) => {
    expect(fires(condition, threshold, value, previous)).toBe(state);
  });
});

describe('news', () => {
  it('tells of each beginning and each end once, whatever is unknown in between', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom<AlertState>('ok', 'firing', 'unknown')), (states) => {
        let told: 'ok' | 'firing' = 'ok';
        const news: string[] = [];
        for (const state of states) {
          const type = newsOf({ told }, state);
          if (type !== undefined) news.push(type);
          if (state !== 'unknown') told = state;
        }
        news.forEach((type, at) => expect(type).toBe(at % 2 === 0 ? 'alert.firing' : 'alert.resolved'));
        const known = states.filter((state) => state !== 'unknown');
        expect(news.length % 2 === 1).toBe(known.at(-1) === 'firing');
      }),
    ));
});
