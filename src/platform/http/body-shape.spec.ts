import fc from 'fast-check';
import { Problem } from '../../common/problem';
import { MAX_DEPTH, MAX_NAMES, MAX_VALUES, refuseMisshapen, refuseMisshapenText } from './body-shape';

const codeOf = (value: unknown, refuse = refuseMisshapen): string | undefined => {
  try {
    refuse(value);
    return undefined;
  } catch (error) {
    return error instanceof Problem ? error.extra.errors?.[0]?.code : String(error);
  }
};

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
const wide = (names: number): unknown => Object.fromEntries(Array.from({ length: names }, (_, at) => [`k${at}`, at]));

it.each([
  ['a plain value', 7, undefined],
  ['null', null, 'not_an_object'],
  ['null within', { a: null }, undefined],
  ['as deep as it may be', nested(MAX_DEPTH), undefined],
  ['a level deeper', nested(MAX_DEPTH + 1), 'too_deep'],
  ['deeper than any stack', nested(200_000), 'too_deep'],
  ['as many names as there may be', wide(MAX_NAMES), undefined],
  ['a name more', { steps: [wide(MAX_NAMES + 1)] }, 'too_many_keys'],
  ['as many values as there may be', { list: Array.from({ length: MAX_VALUES - 1 }, () => 1) }, undefined],
  ['a value more', { list: Array.from({ length: MAX_VALUES }, () => 1) }, 'too_many_values'],
])('%s', (_what, value, code) => expect(codeOf(value)).toBe(code));

it('lets any small value pass', () =>
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => expect(codeOf({ value })).toBeUndefined())));

describe('a long text, before it is parsed', () => {
  const BLANKS = ' '.repeat(100_000);
  const codeOfText = (text: string): string | undefined =>
    codeOf(undefined, () => refuseMisshapenText(Buffer.from(text + BLANKS)));

  it.each([
    ['as deep as it may be', JSON.stringify(nested(MAX_DEPTH)), undefined],
    ['a level deeper', JSON.stringify(nested(MAX_DEPTH + 1)), 'too_deep'],
    ['deeper than any stack', '['.repeat(500_000), 'too_deep'],
    ['as many values as there may be', `[${'[1],'.repeat(MAX_VALUES / 2 - 1)}[1]]`, undefined],
    ['empty lists without end', `[${'[],'.repeat(300_000)}1]`, 'too_many_values'],
    ['brackets within a text', JSON.stringify({ name: '[{,"\\'.repeat(50_000) }), undefined],
    ['nothing', '', undefined],
  ])('%s', (_what, text, code) => expect(codeOfText(text)).toBe(code));

  it('is let pass where its value is', () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => expect(codeOfText(JSON.stringify(value))).toBeUndefined()),
    ));
});
