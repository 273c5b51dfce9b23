// Are devices and bots told apart as the project asks?
import * as fc from 'fast-check';
import { flagBits } from './event-row';
import { ingestEvent } from './pipeline';
import { describeAgent, devices } from './user-agent';
import { aContext, anEvent, aProject, CHROME } from './world.fixture';

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';
const GOOGLEBOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';

describe('describeAgent', () => {
  it.each([
    [CHROME, 'Chrome 126', 'Windows 10', 'desktop'],
    [IPHONE, 'Safari 17', 'iOS 17.5', 'mobile'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
      'Safari 17',
      'macOS 10.15',
      'desktop',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox 127', 'Linux ', 'desktop'],
    [
      'Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
      'Chrome 126',
      'Android 13',
      'tablet',
    ],
    [
      'Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15',
      'Safari 13',
      'PlayStation 5',
      'console',
    ],
    [GOOGLEBOT, ' ', ' ', 'bot'],
    ['', ' ', ' ', 'unknown'],
    ['okhttp/4.9.3', ' ', ' ', 'unknown'],
  ])('%s', (userAgent, browser, os, device) => {
    const agent = describeAgent(userAgent);
    expect(`${agent.browser} ${agent.browserVersion}`).toBe(browser);
    expect(`${agent.os} ${agent.osVersion}`).toBe(os);
    expect(agent.device).toBe(device);
  });

  it('answers for any text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const agent = describeAgent(text);
        expect(devices).toContain(agent.device);
        expect(agent.browser.isWellFormed()).toBe(true);
      }),
    ));
});

describe('handleBots', () => {
  const outcome = (botPolicy: 'drop' | 'mark' | 'keep', userAgent: string, own = {}, trusted = false) => {
    const result = ingestEvent(anEvent(own), aContext({ project: aProject({ botPolicy }), userAgent, trusted }));
    if (result.kind === 'filtered') return result.reason;
    return result.kind === 'event' && (result.row.flags & flagBits.bot) !== 0 ? 'marked' : 'as any other';
  };

  it('drops, marks or keeps a bot', () => {
    expect(outcome('drop', GOOGLEBOT)).toBe('bot');
    expect(outcome('mark', GOOGLEBOT)).toBe('marked');
    expect(outcome('keep', GOOGLEBOT)).toBe('as any other');
  });

  it('leaves people and events without a user agent alone', () => {
    for (const userAgent of [CHROME, IPHONE, '']) expect(outcome('drop', userAgent)).toBe('as any other');
  });

  it('takes an HTTP client for a bot only where a server tells of it and nothing else says who the visitor is', () => {
    for (const client of ['node', 'curl/8.5.0', 'okhttp/4.9.3', 'python-requests/2.31']) {
      expect(outcome('drop', client)).toBe('as any other');
      expect(outcome('drop', client, { visitorId: undefined })).toBe('as any other');
      expect(outcome('drop', client, { visitorId: undefined }, true)).toBe('as any other');
      const told = { visitorId: undefined, context: { userAgent: client } };
      expect(outcome('drop', CHROME, told, true)).toBe('bot');
    }
  });

  it('judges the visitor’s user agent, not the server’s', () => {
    expect(outcome('drop', 'node', { context: { userAgent: GOOGLEBOT } }, true)).toBe('bot');
    expect(outcome('drop', 'node', { context: { userAgent: CHROME } }, true)).toBe('as any other');
  });
});
