// What does an error say of one occurrence? Always something, and never more than a person reads.
import { type FieldError, invalidInput, notFound } from './problem';

const faults = (count: number): FieldError[] =>
  Array.from({ length: count }, (_, at) => ({ path: `f${at}`, code: 'bad', message: 'is bad' }));

it.each([
  ['its own words', invalidInput({ detail: 'Too late.', errors: faults(1) }), 'Too late.'],
  ['the fault of its input', invalidInput({ errors: faults(1) }), 'f0: is bad'],
  ['three faults', invalidInput({ errors: faults(3) }), 'f0: is bad; f1: is bad; f2: is bad'],
  ['three faults of four', invalidInput({ errors: faults(4) }), 'f0: is bad; f1: is bad; f2: is bad; 1 more'],
  [
    'a fault of the whole',
    invalidInput({ errors: [{ path: '', code: 'bad', message: 'must be an object' }] }),
    'must be an object',
  ],
  ['what its kind says', notFound(), notFound.kind.title],
])('it says %s', (_, thrown, words) => {
  expect(thrown.message).toBe(words);
});
