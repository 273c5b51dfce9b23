// Does what is kept stay within its bound, and is it what was asked for last that stays?
import * as fc from 'fast-check';
import { Metrics } from '../../platform/metrics/metrics';
import { type KeptAnswer, KeptAnswers } from './kept-answers';

const entry = (json: string): KeptAnswer => ({ version: { revision: 1, raw: null }, json });
const BOUND = 10_000;

it('never weighs more than it may, whatever is put in', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(2_000), fc.boolean())), (puts) => {
      const kept = new KeptAnswers(BOUND);
      for (const [key, length, wide] of puts) kept.set(`${key}`, entry((wide ? '水' : 'x').repeat(length)));
      const held = [...Array(21).keys()].flatMap((key) => kept.get(`${key}`) ?? []);
      const bytes = held.reduce((sum, { json }) => sum + (json.startsWith('水') ? 2 : 1) * json.length, 0);
      expect(bytes).toBeLessThanOrEqual(BOUND);
      expect(kept.bytes).toBeGreaterThanOrEqual(bytes);
    }),
  ));

it('lets go of what was asked for longest ago', () => {
  const kept = new KeptAnswers(BOUND);
  const some = 'x'.repeat(800);
  for (let at = 0; at < 8; at += 1) kept.set(`${at}`, entry(some));
  kept.get('0');
  kept.set('8', entry(some));
  expect([kept.get('0'), kept.get('1'), kept.get('8')].map((found) => found !== undefined)).toEqual([
    true,
    false,
    true,
  ]);
});

it('does not keep one answer in the place of all others, nor an old one in its place', () => {
  const kept = new KeptAnswers(BOUND);
  kept.set('a', entry('x'));
  kept.set('b', entry('x'));
  kept.set('b', entry('x'.repeat(BOUND / 4)));
  expect(kept.get('a')).toBeDefined();
  expect(kept.get('b')).toBeUndefined();
});

it('says how much it holds', async () => {
  const metrics = new Metrics();
  const kept = new KeptAnswers(BOUND, metrics);
  kept.set('a', entry('x'.repeat(500)));
  expect((await metrics.statsCacheAnswers.get()).values[0]?.value).toBe(1);
  expect((await metrics.statsCacheBytes.get()).values[0]?.value).toBe(900);
});
