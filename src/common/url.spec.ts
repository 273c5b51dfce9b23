import { parseUrl } from './url';

describe('parseUrl', () => {
  it('takes a host beyond ASCII, however often it is asked', () => {
    let taken = 0;
    for (let run = 0; run < 50_000; run += 1) if (parseUrl('https://bücher.example/ü') !== undefined) taken += 1;
    expect(taken).toBe(50_000);
  });

  it.each(['', 'no url', 'https://', '/path'])('refuses "%s"', (text) => expect(parseUrl(text)).toBeUndefined());
});
