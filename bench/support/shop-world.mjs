// What are the events of the data set about? Fixed lists of places, devices, sources, pages and names, the same on every machine.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './server.mjs';

const built = (path) => createRequire(import.meta.url)(join(root, 'dist', path));

export const PAGES = 3_000;
export const CITIES = 2_003;

/** @returns a list of `size` indexes of `weights`, each as often as its weight says and at least once: a draw is one look-up */
export function wheel(weights, size) {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const spare = size - weights.length;
  let passed = 0;
  let given = 0;
  return weights.flatMap((weight, at) => {
    passed += weight;
    const upTo = Math.round((passed / all) * spare);
    const count = 1 + upTo - given;
    given = upTo;
    return Array.from({ length: count }, () => at);
  });
}

// Country, weight, language, zone, regions.
const countries = [
  ['US', 24, 'en-US', 'America/New_York', ['California', 'Texas', 'New York', 'Florida', 'Washington', 'Illinois']],
  ['DE', 14, 'de-DE', 'Europe/Berlin', ['Bavaria', 'Berlin', 'Hesse', 'Saxony', 'North Rhine-Westphalia']],
  ['GB', 9, 'en-GB', 'Europe/London', ['England', 'Scotland', 'Wales']],
  ['FR', 8, 'fr-FR', 'Europe/Paris', ['Île-de-France', 'Brittany', 'Normandy', 'Occitanie']],
  ['IN', 7, 'en-IN', 'Asia/Kolkata', ['Karnataka', 'Maharashtra', 'Delhi', 'Tamil Nadu']],
  ['CA', 5, 'en-CA', 'America/Toronto', ['Ontario', 'Quebec', 'Alberta']],
  ['NL', 4, 'nl-NL', 'Europe/Amsterdam', ['North Holland', 'Utrecht']],
  ['BR', 4, 'pt-BR', 'America/Sao_Paulo', ['São Paulo', 'Bahia', 'Paraná']],
  ['ES', 4, 'es-ES', 'Europe/Madrid', ['Madrid', 'Catalonia', 'Andalusia']],
  ['JP', 4, 'ja-JP', 'Asia/Tokyo', ['Tokyo', 'Osaka', 'Hokkaido']],
  ['IT', 3, 'it-IT', 'Europe/Rome', ['Lombardy', 'Lazio', 'Veneto']],
  ['AU', 3, 'en-AU', 'Australia/Sydney', ['New South Wales', 'Victoria']],
  ['PL', 2.5, 'pl-PL', 'Europe/Warsaw', ['Mazovia', 'Silesia']],
  ['SE', 2, 'sv-SE', 'Europe/Stockholm', ['Stockholm', 'Skåne']],
  ['AT', 1.5, 'de-AT', 'Europe/Vienna', ['Vienna', 'Tyrol']],
  ['CH', 1.5, 'de-CH', 'Europe/Zurich', ['Zurich', 'Bern']],
  ['MX', 1, 'es-MX', 'America/Mexico_City', ['Jalisco', 'Puebla']],
  ['KR', 1, 'ko-KR', 'Asia/Seoul', ['Seoul', 'Busan']],
  ['NP', 0.5, 'ne-NP', 'Asia/Kathmandu', ['Bagmati']],
  ['ZA', 0.5, 'en-ZA', 'Africa/Johannesburg', ['Gauteng']],
  ['NG', 0.4, 'en-NG', 'Africa/Lagos', ['Lagos']],
  ['AR', 0.4, 'es-AR', 'America/Argentina/Buenos_Aires', ['Córdoba']],
  ['FI', 0.4, 'fi-FI', 'Europe/Helsinki', ['Uusimaa']],
  ['IE', 0.3, 'en-IE', 'Europe/Dublin', ['Leinster']],
];

/** Countries with the range of numbers that their cities have, and their regions in one list. */
function places() {
  const all = countries.reduce((sum, [, weight]) => sum + weight, 0);
  let city = 0;
  let region = 0;
  return countries.map(([country, weight, language, timezone, regions], at) => {
    const isLast = at === countries.length - 1;
    const cities = isLast ? CITIES - city : Math.max(3, Math.floor((weight / all) * (CITIES - 60)));
    const place = { country, weight, language, timezone, regions, cities, firstCity: city, firstRegion: region };
    city += cities;
    region += regions.length;
    return place;
  });
}

/** Parts of the names of cities. 20 x 8 x 17 = 2,720 combinations; `shop-sql.mjs` draws 2,003 of them. */
const cityParts = {
  heads: 'Ald Bren Cal Dorn Ester Fal Gren Hart Isk Kest Lang Mar Nord Oster Pren Quel Ros Sten Tal Wex'.split(' '),
  middles: ['', 'en', 'er', 'in', 'a', 'o', 'ing', 'um'],
  tails: 'bach burg by dale field ford ham haven hill kirk low mouth port stad ton ville wick'.split(' '),
};

const chrome = (system, tail = '') =>
  `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/VERSION.0.0.0${tail} Safari/537.36`;
const WINDOWS = 'Windows NT 10.0; Win64; x64';
const MAC = 'Macintosh; Intel Mac OS X 10_15_7';
const webkit = (system, tail) => `Mozilla/5.0 (${system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${tail}`;

// User agent, weight, screens, the least of six versions in use.
const agents = [
  [chrome(WINDOWS), 22, ['1920x1080', '1536x864', '2560x1440', '1366x768'], 136],
  [chrome(MAC), 11, ['1440x900', '1728x1117', '1512x982'], 136],
  [chrome('Linux; Android 10; K', ' Mobile'), 20, ['412x915', '360x800', '393x873', '384x854'], 136],
  [
    webkit('iPhone; CPU iPhone OS 18_6 like Mac OS X', '18.6 Mobile/15E148 Safari/604.1'),
    20,
    ['393x852', '430x932', '390x844'],
    0,
  ],
  [webkit('iPhone; CPU iPhone OS 17_7 like Mac OS X', '17.7 Mobile/15E148 Safari/604.1'), 4, ['375x812', '390x844'], 0],
  [webkit(MAC, '18.6 Safari/605.1.15'), 6, ['1512x982', '1728x1117'], 0],
  [`${chrome(WINDOWS)} Edg/VERSION.0.0.0`, 6, ['1920x1080', '1536x864'], 136],
  [`Mozilla/5.0 (${WINDOWS}; rv:VERSION.0) Gecko/20100101 Firefox/VERSION.0`, 4, ['1920x1080'], 138],
  [
    'Mozilla/5.0 (X11; Linux x86_64; rv:VERSION.0) Gecko/20100101 Firefox/VERSION.0',
    2,
    ['2560x1440', '1920x1080'],
    138,
  ],
  [webkit('iPad; CPU OS 18_6 like Mac OS X', '18.6 Mobile/15E148 Safari/604.1'), 3, ['820x1180', '1024x1366'], 0],
  [
    'Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
    2,
    ['384x832'],
    0,
  ],
];

/** Devices as the server understands their user agents. */
function devices() {
  const { describeAgent } = built('events/pipeline/user-agent.js');
  return agents.flatMap(([agent, weight, screens, least]) => {
    const versions = least === 0 ? [0] : [0, 1, 2, 3, 4, 5].map((step) => least + step);
    return versions.flatMap((version) =>
      screens.map((screen, at) => {
        const { browser, browserVersion, os, osVersion, device } = describeAgent(agent.replaceAll('VERSION', version));
        const share = (weight / (at + 1) / screens.length) * (version === 0 ? 1 : (version - least + 1) / 21);
        return { browser, browserVersion, os, osVersion, device, screen, weight: share };
      }),
    );
  });
}

// Weight, referrer, query of the first URL.
const arrivals = [
  [31, '', ''],
  [26, 'https://www.google.com/', ''],
  [4, 'https://www.bing.com/', ''],
  [4, 'https://duckduckgo.com/', ''],
  ...['spring', 'summer', 'autumn', 'winter'].map((season) => [
    2,
    '',
    `?utm_source=newsletter&utm_medium=email&utm_campaign=${season}&utm_content=header`,
  ]),
  ...['tools', 'seeds', 'gifts'].flatMap((campaign) =>
    ['spade', 'trowel'].map((term) => [
      1.2,
      'https://www.google.com/',
      `?utm_source=google&utm_medium=cpc&utm_campaign=${campaign}&utm_term=${term}&gclid=EAIaIQob`,
    ]),
  ),
  [3, 'https://www.facebook.com/', '?utm_source=facebook&utm_medium=paid_social&utm_campaign=retarget'],
  [4, 'https://www.youtube.com/', ''],
  [3, 'https://t.co/', ''],
  [3, 'https://www.linkedin.com/', ''],
  [3, 'https://www.reddit.com/', ''],
  [2, 'https://chatgpt.com/', '?utm_source=chatgpt.com'],
  [1, 'https://news.ycombinator.com/', ''],
  [1, 'https://github.com/', ''],
  ...Array.from({ length: 40 }, (_, at) => [3 / (at + 3), `https://blog-${at + 1}.example/post`, '']),
];

/** Sources as the server classifies them: of the first event, and of those that follow with the same referrer. */
function sources() {
  const { urlParts, referrerHost } = built('events/pipeline/url.js');
  const { classify } = built('events/pipeline/channel.js');
  return arrivals.map(([weight, referrer, query]) => {
    const url = urlParts(`https://a.example/${query}`);
    const host = referrerHost(referrer);
    const first = classify({ ...url, referrerHost: host });
    const later = classify({ utmSource: '', utmMedium: '', utmCampaign: '', clickId: '', referrerHost: host });
    return { weight, referrer, referrerHost: host, query, first, later, utm: url };
  });
}

/** Parts of paths and titles. The few pages of `fixed` are the most visited; the rest is made of the words. */
const pageParts = {
  fixed: [
    ['/', 'Spade & Sons: tools that last'],
    ['/pricing', 'Pricing'],
    ['/tools', 'All tools'],
    ['/signup', 'Join us'],
    ['/search', 'Search'],
    ['/cart', 'Your cart'],
    ['/checkout', 'Checkout'],
    ['/about', 'About us'],
  ],
  things: 'spade trowel hoe secateurs barrow rake fork dibber sieve twine glove lantern bench trellis pot'.split(' '),
  kinds: 'border hand swan-neck folding ash steel copper winter summer compact heavy light classic royal'.split(' '),
  verbs: 'sharpen choose clean store repair plant prune water paint measure'.split(' '),
};

// 40 names with their shares, pageviews far ahead.
const names = [
  ['pageview', 700],
  ['search', 35],
  ['add_to_cart', 25],
  ['purchase', 13],
  ['click', 60],
  ['scroll', 40],
  ['view_item', 25],
  ['signup', 6],
  ['login', 12],
  ['logout', 5],
  ['checkout_started', 12],
  ...'share,download,video_play,video_pause,video_end,form_start,form_submit,form_error,filter_applied,sort_changed,tab_opened,modal_opened,modal_closed,copy,print,rate,review,wishlist_add,wishlist_remove,coupon_applied,newsletter_joined,chat_opened,chat_message,invite_sent,profile_updated,plan_viewed,trial_started,help_opened,error'
    .split(',')
    .map((name, at) => [name, 5 - at / 10]),
];

/** Words of what people search for: some thousands of pairs. */
const searchParts = {
  first:
    'best cheap small large used new steel wooden garden lawn winter rose apple vegetable herb balcony indoor roof forest allotment organic left-handed child professional rustproof quiet electric cordless folding vintage german english japanese dutch heavy-duty 2-in-1 telescopic ergonomic short long light'.split(
      ' ',
    ),
  second:
    'spade trowel hoe rake fork shears secateurs saw axe gloves boots bucket barrow hose sprinkler compost soil seeds bulbs pots trellis twine labels netting fleece greenhouse bench table lantern shed mower strimmer sieve dibber knife sharpener oil handle handles gift voucher catalogue returns delivery opening-hours size-guide warranty repair spare-parts manual workshop jobs contact discount newsletter review comparison tutorial ideas calendar moon frost slugs aphids'.split(
      ' ',
    ),
};

/** The whole world. */
export function makeWorld() {
  return {
    places: places(),
    cityParts,
    devices: devices(),
    sources: sources(),
    pageParts,
    names: names.map(([name, weight]) => ({ name, weight })),
    searchParts,
  };
}
