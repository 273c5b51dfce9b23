// Are the parts of a URL the ones that a reader of statistics expects?
import * as fc from 'fast-check';
import { referrerHost, urlParts } from './url';
import { accepted } from './world.fixture';

describe('urlParts', () => {
  it.each([
    ['https://Example.COM/A/b?x=1#y', 'https://example.com', 'example.com', '/A/b', '?x=1#y'],
    ['http://example.com:8080', 'http://example.com:8080', 'example.com', '/', ''],
    ['https://example.com:443/', 'https://example.com', 'example.com', '/', ''],
    ['https://ann:secret@example.com/', 'https://example.com', 'example.com', '/', ''],
    ['https://example.com./x', 'https://example.com', 'example.com', '/x', ''],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example', 'xn--bcher-kva.example', '/%C3%BC', ''],
    ['app://com.Shop/home?tab=1', 'app://com.shop', 'com.shop', '/home', '?tab=1'],
    ['http://[2001:db8::1]:81/x', 'http://[2001:db8::1]:81', '[2001:db8::1]', '/x', ''],
    ['/a/../b?x#y', '', '', '/b', '?x#y'],
    ['//twice/x', '', '', '//twice/x', ''],
    ['no url', '', '', 'no url', ''],
  ])('splits %s', (url, origin, hostname, path, query) => {
    expect(urlParts(url)).toMatchObject({ origin, hostname, path, query });
  });

  it('takes the campaign out of the query, trimmed and cut to 200 characters', () => {
    const query = `utm_source=+News%20&utm_medium=email&utm_campaign=${'c'.repeat(300)}&utm_content=%F0%9F%98%80&utm_term=a%00b`;
    expect(urlParts(`/x?${query}`)).toMatchObject({
      utmSource: 'News',
      utmMedium: 'email',
      utmCampaign: 'c'.repeat(200),
      utmContent: '😀',
      utmTerm: 'ab',
    });
  });

  it('never cuts an emoji in half', () => {
    expect(urlParts(`/x?utm_source=${'c'.repeat(199)}😀`).utmSource).toBe('c'.repeat(199));
  });

  it('finds the click id', () => {
    expect(urlParts('/x?a=1&gclid=abc').clickId).toBe('gclid');
    expect(urlParts('/x?notgclid=abc').clickId).toBe('');
  });

  it('answers for any text with text that UTF-8 can hold', () =>
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), fc.webUrl()), (text) => {
        for (const part of Object.values(urlParts(text))) expect(Buffer.from(String(part)).toString()).toBe(part);
        expect(typeof referrerHost(text)).toBe('string');
      }),
    ));
});

describe('splitUrl', () => {
  it('keeps the referrer as sent beside its host', () => {
    expect(accepted({ referrer: 'https://WWW.Google.com/x' }).row).toMatchObject({
      referrer: 'https://WWW.Google.com/x',
      referrer_host: 'www.google.com',
    });
    expect(accepted({ referrer: 'nonsense' }).row).toMatchObject({ referrer: 'nonsense', referrer_host: '' });
    expect(accepted({ referrer: '' }).row).toMatchObject({ referrer: '', referrer_host: '' });
  });
});
