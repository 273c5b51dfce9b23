// What is the demo's world made of? Places, devices, sources and pages of a shop for garden tools that does not exist.

/** What can be chosen from: at least one, the heavier the likelier. */
export type Choice<T> = readonly [T, ...T[]];
interface Weighted {
  readonly weight: number;
}

export interface Place extends Weighted {
  /** The first two bytes of addresses. */
  readonly networks: Choice<string>;
  readonly locale: string;
  readonly zone: string;
  /** Roughly: enough for the rhythm of a day. */
  readonly offsetHours: number;
  readonly currency: 'EUR' | 'USD';
}

export interface Device extends Weighted {
  readonly userAgent: string;
  readonly screens: Choice<readonly [width: number, height: number]>;
}

export interface Source extends Weighted {
  readonly referrer?: string;
  /** Of the first URL. */
  readonly query: string;
}

export interface Page {
  readonly path: string;
  readonly title: string;
}

export interface Product extends Page, Weighted {
  readonly sku: string;
  readonly cents: number;
}

/** The shop's site. */
export const SITE_HOST = 'spade-and-sons.example';

/** Where visitors are: the first two bytes of addresses that providers there give out, and the local time. */
export const places: Choice<Place> = [
  {
    weight: 24,
    networks: ['73.92', '71.190', '108.20', '76.100'],
    locale: 'en-US',
    zone: 'America/New_York',
    offsetHours: -5,
    currency: 'USD',
  },
  {
    weight: 17,
    networks: ['84.56', '87.123', '93.200', '79.192'],
    locale: 'de-DE',
    zone: 'Europe/Berlin',
    offsetHours: 1,
    currency: 'EUR',
  },
  {
    weight: 11,
    networks: ['81.130', '86.150'],
    locale: 'en-GB',
    zone: 'Europe/London',
    offsetHours: 0,
    currency: 'EUR',
  },
  {
    weight: 9,
    networks: ['82.64', '90.5'],
    locale: 'fr-FR',
    zone: 'Europe/Paris',
    offsetHours: 1,
    currency: 'EUR',
  },
  {
    weight: 7,
    networks: ['49.36', '106.51', '117.195'],
    locale: 'en-IN',
    zone: 'Asia/Kolkata',
    offsetHours: 5.5,
    currency: 'USD',
  },
  {
    weight: 5,
    networks: ['99.225', '70.50'],
    locale: 'en-CA',
    zone: 'America/Toronto',
    offsetHours: -5,
    currency: 'USD',
  },
  {
    weight: 5,
    networks: ['84.80', '145.53'],
    locale: 'nl-NL',
    zone: 'Europe/Amsterdam',
    offsetHours: 1,
    currency: 'EUR',
  },
  {
    weight: 4,
    networks: ['126.0', '219.100'],
    locale: 'ja-JP',
    zone: 'Asia/Tokyo',
    offsetHours: 9,
    currency: 'USD',
  },
  {
    weight: 4,
    networks: ['177.32', '189.60'],
    locale: 'pt-BR',
    zone: 'America/Sao_Paulo',
    offsetHours: -3,
    currency: 'USD',
  },
  {
    weight: 4,
    networks: ['80.58', '83.40'],
    locale: 'es-ES',
    zone: 'Europe/Madrid',
    offsetHours: 1,
    currency: 'EUR',
  },
  {
    weight: 3,
    networks: ['1.120', '101.160'],
    locale: 'en-AU',
    zone: 'Australia/Sydney',
    offsetHours: 10,
    currency: 'USD',
  },
  {
    weight: 3,
    networks: ['84.112'],
    locale: 'de-AT',
    zone: 'Europe/Vienna',
    offsetHours: 1,
    currency: 'EUR',
  },
  {
    weight: 2,
    networks: ['90.230', '81.224'],
    locale: 'sv-SE',
    zone: 'Europe/Stockholm',
    offsetHours: 1,
    currency: 'EUR',
  },
  {
    weight: 2,
    networks: ['83.0', '31.0'],
    locale: 'pl-PL',
    zone: 'Europe/Warsaw',
    offsetHours: 1,
    currency: 'EUR',
  },
];

const chrome = (system: string, version: number, tail = ''): string =>
  `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0${tail} Safari/537.36`;
const iPhone = 'iPhone; CPU iPhone OS 18_6 like Mac OS X';

/** What they hold in their hands. */
export const devices: Choice<Device> = [
  {
    weight: 22,
    userAgent: chrome('Windows NT 10.0; Win64; x64', 141),
    screens: [
      [1920, 1080],
      [1536, 864],
      [2560, 1440],
    ],
  },
  {
    weight: 12,
    userAgent: chrome('Macintosh; Intel Mac OS X 10_15_7', 141),
    screens: [
      [1440, 900],
      [1728, 1117],
    ],
  },
  {
    weight: 6,
    userAgent:
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
    screens: [
      [1512, 982],
      [1728, 1117],
    ],
  },
  {
    weight: 5,
    userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0',
    screens: [[1920, 1080]],
  },
  {
    weight: 4,
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
    screens: [
      [2560, 1440],
      [1920, 1080],
    ],
  },
  {
    weight: 6,
    userAgent: chrome('Windows NT 10.0; Win64; x64', 141, '').replace(/$/, ' Edg/141.0.0.0'),
    screens: [
      [1920, 1080],
      [1366, 768],
    ],
  },
  {
    weight: 20,
    userAgent: `Mozilla/5.0 (${iPhone}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1`,
    screens: [
      [393, 852],
      [430, 932],
      [390, 844],
    ],
  },
  {
    weight: 17,
    userAgent: chrome('Linux; Android 10; K', 141, ' Mobile'),
    screens: [
      [412, 915],
      [360, 800],
    ],
  },
  {
    weight: 3,
    userAgent:
      'Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
    screens: [[384, 832]],
  },
  {
    weight: 3,
    userAgent:
      'Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
    screens: [
      [820, 1180],
      [1024, 1366],
    ],
  },
];

/** Where they come from: a referrer, a campaign in the URL, or neither. */
export const sources: Choice<Source> = [
  { weight: 31, query: '' },
  { weight: 27, referrer: 'https://www.google.com/', query: '' },
  { weight: 4, referrer: 'https://www.bing.com/', query: '' },
  { weight: 4, referrer: 'https://duckduckgo.com/', query: '' },
  { weight: 8, query: 'utm_source=newsletter&utm_medium=email&utm_campaign=monthly' },
  {
    weight: 7,
    referrer: 'https://www.google.com/',
    query: 'utm_source=google&utm_medium=cpc&utm_campaign=tools&gclid=demo',
  },
  { weight: 5, referrer: 'https://www.youtube.com/', query: '' },
  { weight: 4, referrer: 'https://t.co/', query: '' },
  { weight: 4, referrer: 'https://www.linkedin.com/', query: '' },
  { weight: 3, referrer: 'https://www.reddit.com/', query: '' },
  { weight: 2, referrer: 'https://chatgpt.com/', query: 'utm_source=chatgpt.com' },
  { weight: 3, referrer: 'https://garden-forum.example/threads/best-spade', query: '' },
];

/** On launch days one source brings everybody. */
export const launchSource: Source = { weight: 1, referrer: 'https://news.ycombinator.com/', query: '' };

export const home: Page = { path: '/', title: 'Spade & Sons: tools that last' };
export const pricing: Page = { path: '/membership', title: 'Membership' };
export const signup: Page = { path: '/signup', title: 'Join us' };
export const checkout: Page = { path: '/checkout', title: 'Checkout' };
export const thanks: Page = { path: '/thanks', title: 'Thank you' };

/** Read by those who search. */
export const articles: Choice<Page & Weighted> = [
  { weight: 9, path: '/journal/sharpen-a-hoe', title: 'How to sharpen a hoe' },
  { weight: 7, path: '/journal/best-spade', title: 'Which spade for which soil' },
  { weight: 5, path: '/journal/winter-beds', title: 'Beds in winter' },
  { weight: 4, path: '/journal/compost', title: 'Compost in ninety days' },
  { weight: 3, path: '/journal/ash-handles', title: 'Why handles are made of ash' },
  { weight: 2, path: '/journal/rust', title: 'Rust, and how to live with it' },
];

/** Bought by some. Prices in cents, the same in both currencies. */
export const products: Choice<Product> = [
  { weight: 8, path: '/tools/border-spade', title: 'Border spade', sku: 'SP-1', cents: 8_900 },
  { weight: 7, path: '/tools/hand-trowel', title: 'Hand trowel', sku: 'TR-1', cents: 2_450 },
  { weight: 5, path: '/tools/hoe', title: 'Swan-neck hoe', sku: 'HO-1', cents: 5_400 },
  { weight: 4, path: '/tools/secateurs', title: 'Secateurs', sku: 'SE-2', cents: 6_990 },
  { weight: 2, path: '/tools/wheelbarrow', title: 'Wheelbarrow', sku: 'WB-1', cents: 24_900 },
];
