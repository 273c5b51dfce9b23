// Which well-known site is behind a host, a `utm_source` or a click id? A short list of our own; what is not in it is named by its host.
import { HotCache } from './hot-cache';

/** What a known site is to its visitors. */
export type SourceKind = 'search' | 'social' | 'video' | 'shopping' | 'email' | 'ai' | 'other';

export interface KnownSource {
  readonly name: string;
  readonly kind: SourceKind;
}

// Per kind: name, then hosts and names used as `utm_source`. "google.*" stands for every country's domain of it.
const table: Readonly<Record<SourceKind, readonly string[]>> = {
  search: [
    'Google: google.* google adwords googleads com.google.android.googlequicksearchbox',
    'Bing: bing.com bing',
    'Yahoo: search.yahoo.com yahoo.* yahoo',
    'DuckDuckGo: duckduckgo.com ddg.gg duckduckgo ddg com.duckduckgo.mobile.android',
    'Yandex: yandex.* ya.ru yandex',
    'Baidu: baidu.com baidu',
    'Ecosia: ecosia.org ecosia',
    'Brave: search.brave.com brave',
    'Startpage: startpage.com startpage',
    'Qwant: qwant.com qwant',
    'Kagi: kagi.com kagi',
    'Naver: search.naver.com naver.com naver',
    'Seznam: search.seznam.cz seznam.cz seznam',
    'Sogou: sogou.com sogou',
    'AOL: search.aol.com aol.com aol',
    'Ask: ask.com ask',
    'Mojeek: mojeek.com mojeek',
    'Swisscows: swisscows.com',
  ],
  social: [
    'Facebook: facebook.com fb.com fb.me messenger.com facebook fb com.facebook.katana',
    'Instagram: instagram.com instagram ig com.instagram.android',
    'Threads: threads.net threads.com threads',
    'X: x.com twitter.com t.co x twitter com.twitter.android',
    'LinkedIn: linkedin.com lnkd.in linkedin com.linkedin.android',
    'Reddit: reddit.com redd.it reddit com.reddit.frontpage',
    'Pinterest: pinterest.* pin.it pinterest',
    'TikTok: tiktok.com tiktok',
    'Snapchat: snapchat.com snapchat',
    'Hacker News: news.ycombinator.com hackernews hacker-news hn',
    'Lobsters: lobste.rs lobsters',
    'Mastodon: mastodon.social mastodon.online mstdn.social mastodon',
    'Bluesky: bsky.app go.bsky.app bluesky',
    'Telegram: t.me telegram.org web.telegram.org telegram org.telegram.messenger',
    'WhatsApp: whatsapp.com wa.me whatsapp',
    'Discord: discord.com discordapp.com discord.gg discord',
    'Tumblr: tumblr.com tumblr',
    'VK: vk.com vk.ru vk',
    'Quora: quora.com quora',
    'Weibo: weibo.com weibo.cn weibo',
    'Product Hunt: producthunt.com producthunt',
    'Slack: app.slack.com slack.com slack com.slack',
  ],
  video: [
    'YouTube: youtube.com youtu.be youtube com.google.android.youtube',
    'Vimeo: vimeo.com vimeo',
    'Twitch: twitch.tv twitch',
    'Dailymotion: dailymotion.com dailymotion',
  ],
  shopping: [
    'Amazon: amazon.* amazon',
    'eBay: ebay.* ebay',
    'Etsy: etsy.com etsy',
    'AliExpress: aliexpress.* aliexpress',
    'Google Shopping: shopping.google.com googleshopping',
  ],
  email: [
    'Gmail: mail.google.com gmail.com gmail com.google.android.gm',
    'Outlook: outlook.live.com outlook.office.com outlook.office365.com outlook.com outlook',
    'Yahoo Mail: mail.yahoo.com',
    'Proton Mail: mail.proton.me',
    'Email: email e-mail newsletter mailchimp sendgrid',
  ],
  ai: [
    'ChatGPT: chatgpt.com chat.openai.com chatgpt openai',
    'Claude: claude.ai claude',
    'Gemini: gemini.google.com bard.google.com gemini',
    'Perplexity: perplexity.ai perplexity',
    'Copilot: copilot.microsoft.com copilot',
    'DeepSeek: chat.deepseek.com deepseek.com deepseek',
    'Grok: grok.com grok',
    'Mistral: chat.mistral.ai',
    'Phind: phind.com',
    'You.com: you.com',
  ],
  other: [
    'GitHub: github.com github',
    'GitLab: gitlab.com gitlab',
    'Stack Overflow: stackoverflow.com',
    'Wikipedia: wikipedia.org',
    'Medium: medium.com',
    'Substack: substack.com',
  ],
};

const exact = new Map<string, KnownSource>();
const anyCountry = new Map<string, KnownSource>();
for (const [kind, lines] of Object.entries(table)) {
  for (const line of lines) {
    const [name, keys] = line.split(': ') as [string, string];
    const source: KnownSource = { name, kind: kind as SourceKind };
    for (const key of keys.split(' ')) {
      if (key.endsWith('.*')) anyCountry.set(key.slice(0, -2), source);
      else exact.set(key, source);
    }
  }
}

const COUNTRY_ENDING = /^(?:(?:com?|org|net)\.)?[a-z]{2,3}$/;

function find(host: string): KnownSource | undefined {
  const labels = host.split('.');
  // From the whole host to its last two labels: mail.google.com is mail, www.google.com is search.
  for (let from = 0; from < labels.length - 1; from++) {
    const known = exact.get(labels.slice(from).join('.'));
    if (known !== undefined) return known;
    const brand = anyCountry.get(labels[from]!);
    if (brand !== undefined && COUNTRY_ENDING.test(labels.slice(from + 1).join('.'))) return brand;
  }
  return undefined;
}

const unknown: KnownSource = { name: '', kind: 'other' };
const hosts = new HotCache<KnownSource>(5_000);

/** The known site of a lower-case host, the nearest entry of its parents' included; undefined where it isn't known. */
export function sourceOfHost(host: string): KnownSource | undefined {
  let known = hosts.get(host);
  if (known === undefined) {
    known = find(host) ?? unknown;
    hosts.set(host, known);
  }
  return known === unknown ? undefined : known;
}

/** The known site that a `utm_source` means, by name or host, in any case. */
export function sourceOfName(utmSource: string): KnownSource | undefined {
  const name = utmSource.toLowerCase();
  return exact.get(name) ?? anyCountry.get(name) ?? (name.includes('.') ? sourceOfHost(name) : undefined);
}

/** A click id's network, and whether it is only given to paid clicks. */
export interface ClickSource extends KnownSource {
  readonly paid: boolean;
}

const google = { name: 'Google', kind: 'search', paid: true } as const;

/** By the name of the query parameter. Facebook and Instagram mark unpaid clicks too. */
export const clickSources: ReadonlyMap<string, ClickSource> = new Map<string, ClickSource>([
  ['gclid', google],
  ['gbraid', google],
  ['wbraid', google],
  ['dclid', { name: 'Google', kind: 'other', paid: true }],
  ['msclkid', { name: 'Bing', kind: 'search', paid: true }],
  ['yclid', { name: 'Yandex', kind: 'search', paid: true }],
  ['fbclid', { name: 'Facebook', kind: 'social', paid: false }],
  ['igshid', { name: 'Instagram', kind: 'social', paid: false }],
  ['ttclid', { name: 'TikTok', kind: 'social', paid: true }],
  ['twclid', { name: 'X', kind: 'social', paid: true }],
  ['li_fat_id', { name: 'LinkedIn', kind: 'social', paid: true }],
  ['rdt_cid', { name: 'Reddit', kind: 'social', paid: true }],
  ['sccid', { name: 'Snapchat', kind: 'social', paid: true }],
  ['epik', { name: 'Pinterest', kind: 'social', paid: true }],
]);
