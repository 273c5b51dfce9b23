// Can a damaged block ever pass for another one? Every byte changed and every length cut, of a block as it lies in the spool.
import { type Block, packBlock, unpackBlock } from './block';

const block: Block = {
  id: '0192f0c0-0000-7000-8000-000000000001',
  entries: Array.from({ length: 3 }, (_, at) => ({
    project: 1,
    id: `0192f0c0-0000-7000-8000-00000000010${at}`,
    idGiven: true,
    keyStable: at > 0,
    at: 1_760_000_000_000 + at,
    visitor: '12345678901234567890',
    user: '0',
    line: `[1,"2026-01-01 00:00:0${at}.000","zwölf \\n"]`,
  })),
  rejects: [{ project: 1, line: '[1,"x"]' }],
};

/** What is read of bytes; undefined where nobody can. */
const read = (body: Buffer): Partial<Block> | undefined => {
  try {
    return unpackBlock(body);
  } catch {
    return undefined;
  }
};

it('is read as it was packed', () => expect(read(packBlock(block))).toMatchObject(block));

it('is the same block or none after any byte of it has changed', () => {
  const packed = packBlock(block);
  const whole = read(packed);
  let unreadable = 0;
  for (let at = 0; at < packed.length; at += 1) {
    const damaged = Buffer.from(packed);
    damaged[at]! ^= 1 << (at % 8);
    const seen = read(damaged);
    if (seen === undefined) unreadable += 1;
    else expect(seen).toEqual(whole);
  }
  // All but the few bytes of the head that say nothing about the contents.
  expect(unreadable).toBeGreaterThan(packed.length - 14);
});

it('is no block after it was cut anywhere', () => {
  const packed = packBlock(block);
  for (let length = 0; length < packed.length; length += 1) expect(read(packed.subarray(0, length))).toBeUndefined();
});
