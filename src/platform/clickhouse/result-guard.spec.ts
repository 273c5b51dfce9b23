// Is every byte of a result passed on, and none of an error?
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ResultGuard } from './result-guard';

const guarded = async (chunks: readonly Buffer[]): Promise<{ text: string; error?: unknown }> => {
  let text = '';
  try {
    await pipeline(Readable.from(chunks), new ResultGuard('abc'), async (rows: AsyncIterable<Buffer>) => {
      for await (const row of rows) text += row.toString('latin1');
    });
    return { text };
  } catch (error) {
    return { text, error };
  }
};

const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, at) => bytes.subarray(edges[at], edge));
};

const places = fc.array(fc.nat(), { maxLength: 6 });
const result = fc
  .array(fc.constantFrom('a', '\r', '\n', '\r\n', '\r\n__exception__\r\n', '\r\n__exception__\r\nab', '__', 'é'))
  .map((parts) => parts.join(''));

describe('a result', () => {
  it('is passed on whole, whatever it looks like and however it is cut', () =>
    fc.assert(
      fc.asyncProperty(result, places, async (text, at) => {
        const bytes = Buffer.from(text);
        expect(await guarded(cut(bytes, at))).toEqual({ text: bytes.toString('latin1') });
      }),
    ));

  it('that ends with an error fails, and nothing of the error comes out', () =>
    fc.assert(
      fc.asyncProperty(result, places, async (text, at) => {
        const block = '\r\n__exception__\r\nabc\r\nCode: 159. DB::Exception: secret\n3 abc\r\n__exception__\r\n';
        const answer = await guarded(cut(Buffer.from(text + block), at));
        expect(answer.error).toMatchObject({ kind: 'away', type: 'RESULT_CUT_SHORT' });
        expect(Buffer.from(text).toString('latin1').startsWith(answer.text)).toBe(true);
      }),
    ));
});
