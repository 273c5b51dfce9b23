// What is sent in a measurement? Events as a site's server forwards them for its visitors: about 500 bytes each, prepared beforehand.
import { randomBytes } from 'node:crypto';

const agents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
];
const referrers = ['', 'https://www.google.com/', 'https://duckduckgo.com/', 'https://news.example/story/12345'];
const names = ['pageview', 'pageview', 'pageview', 'pageview', 'pageview', 'signup', 'click'];

const one = (list) => list[Math.floor(Math.random() * list.length)];

/** Digits that are overwritten before each sending, so that every event is a new one. */
const RUN = randomBytes(4).toString('hex');
const PLACE = '0'.repeat(12);
const idOf = (counter) => `${RUN}-0000-4000-8000-${counter.toString(16).padStart(12, '0')}`;

/** An event of `visitors` visitors in the last two hours. */
export function anEvent(id, visitors = 20_000) {
  const visitor = Math.floor(Math.random() * visitors);
  const page = Math.floor(Math.random() ** 2 * 400);
  return {
    id,
    name: one(names),
    timestamp: new Date(Date.now() - Math.floor(Math.random() * 7_200_000)).toISOString(),
    visitorId: `visitor-${visitor.toString(16).padStart(8, '0')}`,
    url: `https://shop.example/catalogue/item-${page}?utm_source=newsletter&page=${page % 7}`,
    referrer: one(referrers),
    title: `Item ${page}`,
    properties: { plan: one(['free', 'pro']), position: page % 50, loggedIn: page % 3 === 0 },
    context: {
      ip: `${one(['84.56', '73.92', '81.130', '82.64'])}.${visitor % 256}.${(visitor >> 8) % 256}`,
      userAgent: agents[visitor % agents.length],
      locale: 'en-GB',
    },
  };
}

/** A request body whose ids are made new before each sending. */
export class Body {
  /** @param size how many events; 0 for a single one, without a list around it */
  constructor(size) {
    const events = Array.from({ length: Math.max(size, 1) }, () => anEvent(`${RUN}-0000-4000-8000-${PLACE}`));
    this.events = events.length;
    this.bytes = Buffer.from(JSON.stringify(size === 0 ? events[0] : { events }));
    this.places = [];
    const mark = Buffer.from(`-8000-${PLACE}`);
    for (let at = this.bytes.indexOf(mark); at >= 0; at = this.bytes.indexOf(mark, at + 1)) this.places.push(at + 6);
  }

  /** Gives every event an id that no other has. */
  renew() {
    for (const place of this.places) this.bytes.write((Body.next++).toString(16).padStart(12, '0'), place, 'latin1');
  }

  static next = 1;
}

/** A new id, in the same form. */
export const newId = () => idOf(Body.next++);
