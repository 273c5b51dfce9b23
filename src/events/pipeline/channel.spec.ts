// Does a visitor's channel come out as an analyst would name it?
import * as fc from 'fast-check';
import { channels, classify } from './channel';
import { accepted, aProject } from './world.fixture';

const found = (url: string, referrer = ''): string => {
  const { source, channel } = accepted({ url, referrer }).row;
  return `${source} | ${channel}`;
};

describe('classifyChannel', () => {
  it.each([
    ['', ' | Direct'],
    ['nonsense', ' | Direct'],
    ['https://shop.example/before', ' | Direct'],
    ['https://www.shop.example/', ' | Direct'],
    ['https://blog.shop.example/', ' | Direct'],
    ['https://www.google.com/', 'Google | Organic Search'],
    ['https://www.google.co.uk/', 'Google | Organic Search'],
    ['https://google.de/search?q=x', 'Google | Organic Search'],
    ['https://duckduckgo.com/', 'DuckDuckGo | Organic Search'],
    ['https://www.bing.com/', 'Bing | Organic Search'],
    ['https://l.facebook.com/l.php', 'Facebook | Organic Social'],
    ['https://t.co/abc', 'X | Organic Social'],
    ['https://www.linkedin.com/', 'LinkedIn | Organic Social'],
    ['https://old.reddit.com/r/x', 'Reddit | Organic Social'],
    ['https://news.ycombinator.com/item?id=1', 'Hacker News | Organic Social'],
    ['https://m.youtube.com/', 'YouTube | Organic Video'],
    ['https://www.amazon.co.jp/', 'Amazon | Organic Shopping'],
    ['https://mail.google.com/mail', 'Gmail | Email'],
    ['android-app://com.google.android.gm/', 'Gmail | Email'],
    ['https://chatgpt.com/', 'ChatGPT | AI'],
    ['https://gemini.google.com/app', 'Gemini | AI'],
    ['https://github.com/x/y', 'GitHub | Referral'],
    ['https://www.partner.example/x', 'partner.example | Referral'],
    ['https://google.evil.example.org/', 'google.evil.example.org | Referral'],
    ['https://notgoogle.com/', 'notgoogle.com | Referral'],
  ])('from %s: %s', (referrer, expected) => {
    expect(found('https://shop.example/', referrer)).toBe(expected);
  });

  it.each([
    ['?utm_source=newsletter&utm_medium=email', 'newsletter | Email'],
    ['?utm_source=google&utm_medium=cpc', 'google | Paid Search'],
    ['?utm_source=facebook&utm_medium=paid-social', 'facebook | Paid Social'],
    ['?utm_source=youtube&utm_medium=cpv', 'youtube | Paid Video'],
    ['?utm_source=youtube&utm_medium=cpc', 'youtube | Paid Video'],
    ['?utm_source=ig', 'ig | Organic Social'],
    ['?utm_source=Google', 'Google | Organic Search'],
    ['?utm_source=x.example&utm_medium=ppc', 'x.example | Paid Other'],
    ['?utm_source=google&utm_medium=cpm', 'google | Display'],
    ['?utm_source=p&utm_medium=Affiliate', 'p | Affiliates'],
    ['?utm_source=p&utm_medium=social', 'p | Organic Social'],
    ['?utm_source=p&utm_medium=sms', 'p | SMS'],
    ['?utm_source=p&utm_medium=referral', 'p | Referral'],
    ['?utm_source=p', 'p | Referral'],
    ['?utm_medium=qr', ' | Other'],
    ['?utm_campaign=spring', ' | Other'],
    ['?gclid=1', 'Google | Paid Search'],
    ['?msclkid=1', 'Bing | Paid Search'],
    ['?fbclid=1', 'Facebook | Organic Social'],
    ['?ttclid=1', 'TikTok | Paid Social'],
  ])('with %s: %s', (query, expected) => {
    expect(found(`https://shop.example/${query}`)).toBe(expected);
  });

  it('believes the campaign before the referrer, and the click id beside it', () => {
    expect(found('/?utm_source=news&utm_medium=email', 'https://www.google.com/')).toBe('news | Email');
    expect(found('/?gclid=1', 'https://www.google.com/')).toBe('Google | Paid Search');
    expect(found('/?utm_source=news', 'https://shop.example/')).toBe('news | Referral');
  });

  it('knows the page’s own host where the project has no domains', () => {
    const own = { url: 'https://www.a.example/x', referrer: 'https://a.example/' };
    expect(accepted(own, { project: aProject({}, { domains: [] }) }).row).toMatchObject({
      source: '',
      channel: 'Direct',
    });
  });

  it('gives every arrival a channel of the list', () => {
    const word = fc.oneof(fc.constantFrom('', 'google', 'cpc', 'email', 'fbclid', 'www.bing.com'), fc.string());
    fc.assert(
      fc.property(word, word, word, word, word, (utmSource, utmMedium, utmCampaign, clickId, referrerHost) => {
        const { channel } = classify({ utmSource, utmMedium, utmCampaign, clickId, referrerHost });
        expect(channels).toContain(channel);
      }),
    );
  });
});
