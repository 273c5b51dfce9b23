// Which requests count as pageviews, line by line?
import type { LogEntry } from './access-log';
import { whyNotPageview } from './page-rule';

const asked = (target: string, { method = 'GET', status = 200 } = {}): LogEntry => ({
  host: '203.0.113.9',
  time: 0,
  status,
  request: { method, target },
});

describe('a pageview', () => {
  it.each([
    ['/'],
    ['/about'],
    ['/blog/2024/'],
    ['/index.html'],
    ['/INDEX.PHP?id=1'],
    ['/files/'],
    ['/v1.2'],
    ['/a?file=x.png'],
    ['/images.d/'],
    ['http://example.org'],
    ['/news?format=full'],
  ])('is %s', (target) => expect(whyNotPageview(asked(target))).toBeUndefined());

  it.each([
    ['/style.css', 'file'],
    ['/favicon.ico', 'file'],
    ['/robots.txt', 'file'],
    ['/paper.pdf?download=1', 'file'],
    ['/font.WOFF2', 'file'],
    ['/x/logo.png#top', 'file'],
    ['/feed/', 'feed'],
    ['/blog/rss.xml', 'feed'],
    ['/?flav=rss20', 'feed'],
    ['/blog?a=1&feed=atom', 'feed'],
  ])('is not %s: %s', (target, reason) => expect(whyNotPageview(asked(target))).toBe(reason));

  it('was asked for with GET, and shown', () => {
    expect(whyNotPageview(asked('/', { method: 'HEAD' }))).toBe('method');
    expect(whyNotPageview(asked('/', { method: 'POST' }))).toBe('method');
    expect(whyNotPageview({ host: 'a', time: 0, status: 400 })).toBe('request');
    const shown = [200, 203, 304, 204, 206, 301, 302, 404, 500].filter(
      (status) => whyNotPageview(asked('/', { status })) === undefined,
    );
    expect(shown).toEqual([200, 203, 304]);
  });
});
