// What would visitors have done? Made-up traffic with the rhythm of real one; the same day is the same, whenever it is asked for.
import type { EventInput } from '../../events/event-input';
import { uuidOf } from '../import/to-event';
import { Random } from './random';
import {
  type Page,
  type Place,
  type Product,
  SITE_HOST,
  articles,
  checkout,
  devices,
  home,
  launchSource,
  places,
  pricing,
  products,
  signup,
  sources,
  thanks,
} from './world';

export interface TrafficOptions {
  /** Half-open [from, to), milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Visitors on an ordinary weekday. */
  readonly visitorsPerDay: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const SITE = `https://${SITE_HOST}`;
/** Sunday first. */
const WEEKDAYS = [0.78, 1.04, 1.1, 1.06, 1, 0.9, 0.72] as const;
/** How awake people are, by the hour of their own day. */
const HOURS = [2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 13, 12, 12, 12, 11, 12, 14, 17, 19, 17, 11, 5];
const hourWeights = HOURS.map((weight, hour) => ({ weight, hour })) as [{ weight: number; hour: number }];
const LAUNCH_EVERY_DAYS = 17;
const RETURNING = 0.32;

/** The events of a range, day by day, in the order of their times within a day. */
export function* traffic({ from, to, visitorsPerDay }: TrafficOptions): Generator<EventInput> {
  // A visitor's local evening may be another UTC day, hence a day more on both sides.
  for (let day = Math.floor(from / DAY_MS) - 1; day * DAY_MS < to + DAY_MS; day++) {
    const events = dayOf(day, visitorsPerDay).filter(({ time }) => time >= from && time < to);
    yield* events
      .sort((a, b) => a.time - b.time)
      .map(({ time, event }) => ({ ...event, timestamp: new Date(time).toISOString() }));
  }
}

interface Timed {
  readonly time: number;
  readonly event: EventInput;
}

const isLaunch = (day: number): boolean => day % LAUNCH_EVERY_DAYS === 5;

/** New people of a day; its returning ones are drawn from the two weeks before. */
const newOn = (day: number, visitorsPerDay: number): number => {
  const noise = 0.9 + 0.2 * new Random(`volume ${day}`).next();
  const weekday = WEEKDAYS[(((day + 4) % 7) + 7) % 7] ?? 1;
  // A year has a season, and a shop grows a little.
  const season = 1 + 0.15 * Math.sin((day / 365) * 2 * Math.PI) + ((day % 90) / 90) * 0.15;
  const launch = isLaunch(day) ? 2.6 : 1;
  return Math.max(1, Math.round(visitorsPerDay * (1 - RETURNING) * weekday * noise * season * launch));
};

function dayOf(day: number, visitorsPerDay: number): Timed[] {
  const random = new Random(`day ${day} ${visitorsPerDay}`);
  const fresh = newOn(day, visitorsPerDay);
  const events: Timed[] = [];
  for (let at = 0; at < fresh; at++) session(events, `${day}/${at}`, day, 0, random);
  const returning = Math.round((fresh * RETURNING) / (1 - RETURNING) / (isLaunch(day) ? 2.6 : 1));
  for (let at = 0; at < returning; at++) {
    // The nearer the first visit, the likelier the next one.
    const firstDay = day - Math.min(14, 1 + Math.floor(random.around(4)));
    session(events, `${firstDay}/${random.whole(0, newOn(firstDay, visitorsPerDay) - 1)}`, day, at + 1, random);
  }
  return events;
}

interface Person {
  readonly visitorId: string;
  readonly place: Place;
  readonly context: NonNullable<EventInput['context']>;
}

/** Who somebody is follows from the name alone, so that a returning visitor is the same one. */
function personOf(name: string): Person {
  const random = new Random(`person ${name}`);
  const place = random.weighted(places);
  const device = random.weighted(devices);
  const [width, height] = random.one(device.screens);
  return {
    visitorId: uuidOf(`demo visitor ${name}`),
    place,
    context: {
      ip: `${random.one(place.networks)}.${random.whole(0, 255)}.${random.whole(1, 254)}`,
      userAgent: device.userAgent,
      locale: place.locale,
      timezone: place.zone,
      screen: { width, height },
    },
  };
}

/** One visit: pages with pauses between them, and what is done on them. `visit` tells several of one person in a day apart. */
function session(events: Timed[], name: string, day: number, visit: number, random: Random): void {
  const person = personOf(name);
  const { hour } = random.weighted(hourWeights);
  let time = day * DAY_MS + (hour - person.place.offsetHours) * HOUR_MS + random.whole(0, HOUR_MS - 1);
  let count = 0;
  const happen = (event: Omit<EventInput, 'id' | 'visitorId' | 'context'>): void => {
    events.push({
      time,
      event: {
        id: uuidOf(`demo event ${name} ${day} ${visit} ${count++}`),
        visitorId: person.visitorId,
        context: person.context,
        ...event,
      },
    });
    time += 2_000 + Math.round(random.around(38_000));
  };
  const view = (page: Page, extra: Partial<EventInput> = {}): void =>
    happen({ name: 'pageview', url: SITE + page.path, title: page.title, ...extra });

  const returns = visit > 0;
  const source = isLaunch(day) && !returns && random.chance(0.6) ? launchSource : random.weighted(sources);
  const searched = source.referrer !== undefined && random.chance(0.7);
  const entry = returns || !searched ? home : random.weighted(articles);
  view(entry, {
    url: `${SITE}${entry.path}${source.query === '' ? '' : `?${source.query}`}`,
    ...(source.referrer === undefined ? {} : { referrer: source.referrer }),
  });
  if (random.chance(returns ? 0.28 : 0.47)) return;

  if (random.chance(0.35)) {
    view(random.weighted(articles));
    if (random.chance(0.3))
      happen({
        name: 'search',
        url: `${SITE}/search`,
        properties: { term: random.one(['spade', 'hoe', 'gloves', 'oil']), results: random.whole(0, 24) },
      });
  }
  for (let seen = 0; seen === 0 || (seen < 5 && random.chance(0.45)); seen++) {
    const product = random.weighted(products);
    view(product);
    if (random.chance(returns ? 0.3 : 0.16)) return buy(product, person, random, view, happen);
  }
  if (random.chance(0.22)) {
    view(pricing);
    if (random.chance(0.4)) {
      view(signup);
      if (random.chance(0.6))
        happen({
          name: 'signup',
          url: SITE + signup.path,
          properties: { plan: random.one(['free', 'free', 'friend', 'patron']), newsletter: random.chance(0.5) },
        });
    }
  }
}

function buy(
  product: Product,
  person: Person,
  random: Random,
  view: (page: Page) => void,
  happen: (event: Omit<EventInput, 'id' | 'visitorId' | 'context'>) => void,
): void {
  const quantity = random.chance(0.85) ? 1 : random.whole(2, 4);
  const properties = { sku: product.sku, quantity };
  happen({ name: 'add_to_cart', url: SITE + product.path, properties });
  if (random.chance(0.35)) return;
  view(checkout);
  if (random.chance(0.38)) return;
  happen({
    name: 'purchase',
    url: SITE + checkout.path,
    properties: { ...properties, coupon: random.chance(0.12) },
    revenue: { amount: ((product.cents * quantity) / 100).toFixed(2), currency: person.place.currency },
  });
  view(thanks);
}
