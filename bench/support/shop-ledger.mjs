// What should a project's statistics say? Counted here from what was sent, by the words of the contract and none of the server's code.
const SILENCE_MS = 30 * 60_000;
const NAMED_SILENCE_MS = 24 * 3_600_000;

const groupBy = (list, keyOf) => {
  const groups = new Map();
  for (const each of list) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return groups;
};

/** The local day of a moment. */
const dayIn = (zone) => {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return (at) => format.format(at);
};

/** Who each event belongs to: its user, else the first user that its visitor was seen with, else the visitor. */
function identified(events) {
  const first = new Map();
  for (const { visitorId, userId, timestamp } of events)
    if (userId !== undefined && !(first.get(visitorId)?.at <= timestamp))
      first.set(visitorId, { at: timestamp, userId });
  return events.map((event) => {
    const user = event.userId ?? first.get(event.visitorId)?.userId;
    return {
      ...event,
      at: Date.parse(event.timestamp),
      who: user === undefined ? `v ${event.visitorId}` : `u ${user}`,
    };
  });
}

/** Sessions: what one somebody did, under one session id or none, without longer silence. */
function sessionsOf(events) {
  const chains = groupBy(events, ({ who, sessionId = '' }) => `${who}\0${sessionId}`);
  return [...chains.values()].flatMap((chain) => {
    const silence = chain[0].sessionId === undefined ? SILENCE_MS : NAMED_SILENCE_MS;
    const sessions = [];
    for (const event of chain.toSorted((a, b) => a.at - b.at)) {
      const last = sessions.at(-1);
      if (last !== undefined && event.at - last.at(-1).at <= silence) last.push(event);
      else sessions.push([event]);
    }
    return sessions;
  });
}

const figures = (events, sessions) => ({
  visitors: new Set(events.map(({ who }) => who)).size,
  sessions: sessions.length,
  pageviews: events.filter(({ name }) => name === 'pageview').length,
  events: events.length,
});

/** Figures of all events, of each local day, and of each page.
 *  @returns {{ all: object, days: Map<string, object>, pages: Map<string, object> }} a page's figures without sessions */
export function expectedOf(sent, zone) {
  const events = identified(sent);
  const sessions = sessionsOf(events);
  const day = dayIn(zone);
  const byDay = groupBy(events, ({ at }) => day(at));
  const begun = groupBy(sessions, ([{ at }]) => day(at));
  return {
    all: figures(events, sessions),
    days: new Map([...byDay].map(([name, some]) => [name, figures(some, begun.get(name) ?? [])])),
    pages: new Map(
      [...groupBy(events, ({ url }) => new URL(url).pathname)].map(([path, some]) => [path, figures(some, [])]),
    ),
  };
}
