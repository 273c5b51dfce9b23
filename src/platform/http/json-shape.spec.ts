import fc from 'fast-check';
import { measureJson, walkJson } from './json-shape';

const measured = (text: string) => measureJson(Buffer.from(text));

it.each([
  ['[]', 2, 1, 1],
  ['{}', 2, 1, 1],
  ['[[],{"a":[1,2]}] ,[', 16, 3, 6],
  ['"[" [1]', 7, 1, 1],
  ['["a\\"]",1]', 10, 1, 2],
  ['["\\\\"]]', 6, 1, 1],
  ['[[', 2, 2, 2],
  ['["', 2, 1, 1],
  ['', 0, 0, 0],
  ['7', 1, 0, 0],
])('of %j: its end, depth and marks', (text, end, depth, marks) =>
  expect(measured(text)).toEqual({ end, depth, marks }),
);

/** Levels and values of a parsed value. */
const shapeOf = (value: unknown): { depth: number; values: number } => {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 1 };
  const parts = Object.values(value).map(shapeOf);
  return {
    depth: 1 + Math.max(0, ...parts.map(({ depth }) => depth)),
    values: 1 + parts.reduce((sum, { values }) => sum + values, 0),
  };
};

it('agrees with the parser about any value', () =>
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat({ max: 2 }), (value, indent) => {
      const text = JSON.stringify([value], undefined, indent);
      const { end, depth, marks } = measured(text);
      const parsed = shapeOf([value]);
      expect([end, depth]).toEqual([Buffer.byteLength(text), parsed.depth]);
      // Each value but the outermost has a comma before it or is the first in a bracket.
      expect(marks).toBeGreaterThanOrEqual(parsed.values - 1);
      expect(marks).toBeLessThanOrEqual(2 * parsed.values);
    }),
  ));

it('tells what begins below the upper levels, and where', () => {
  const text = Buffer.from('{"a":[{"x":[1]},"[",[2],3],"b":{"c":{},"d":"]"}}');
  const found: string[] = [];
  walkJson(text, 2, {
    below: (at) => {
      const { end } = measureJson(text, at);
      found.push(text.toString('utf8', at, end));
      return end;
    },
    comma: (level, inList) => found.push(`${level}${inList ? ' in a list' : ''}`),
  });
  const list = '2 in a list';
  expect(found).toEqual(['{"x":[1]}', list, list, '[2]', list, '1', '{}', '2']);
});
