// How are the data set's rows made? By one INSERT … SELECT a chunk, out of hashes of row numbers: the same rows in every run, but for ids.
import { PAGES, wheel } from './shop-world.mjs';

const literal = (value) => (typeof value === 'number' ? String(value) : `'${value.replace(/[\\']/g, '\\$&')}'`);
const list = (values) => `[${values.map(literal).join(',')}]`;
/** A list, looked up by an index that begins at 0. */
const at = (values, index) => `${list(values)}[1 + ${index}]`;
const drawn = (values, bits, size = 1024) =>
  at(
    wheel(
      values.map(({ weight }) => weight),
      size,
    ),
    `${bits} % ${size}`,
  );

/** A moment, milliseconds, as SQL. */
export const sqlTime = (ms) => `toDateTime64('${new Date(ms).toISOString().slice(0, -1).replace('T', ' ')}', 3, 'UTC')`;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Of a UTC day: a site read in Europe and America. */
const HOURS = [5, 4, 3, 3, 3, 4, 6, 8, 11, 13, 14, 14, 14, 15, 16, 17, 17, 17, 16, 16, 15, 13, 10, 7];
/** Sunday first. */
const WEEKDAYS = [0.72, 1.08, 1.12, 1.1, 1.06, 1, 0.76];
/** Weeks, months and seasons are not alike, and the site grows. */
export const dayWeight = (ms, fromMs) =>
  WEEKDAYS[new Date(ms).getUTCDay()] * (1 + 0.4 * ((ms - fromMs) / (365 * DAY_MS))) * (1 + 0.08 * Math.sin(ms / 1.6e9));

/** 64 sessions with 256 events: 27 have one, the longest 20. */
const LENGTHS = [
  Array(27).fill(1),
  Array(10).fill(2),
  Array(7).fill(3),
  [4, 4, 4, 4, 5, 5, 5, 6, 6, 8, 8, 8, 9, 11, 13, 15, 16, 18, 19, 20],
].flat();
export const EVENTS_A_BLOCK = 256;
const spread = LENGTHS.map((_, index) => LENGTHS[(index * 29) % LENGTHS.length]);
const sessionOf = spread.flatMap((length, session) => Array(length).fill(session));
const placeOf = spread.flatMap((length) => Array.from({ length }, (_, place) => place));
const lengthOf = spread.flatMap((length) => Array(length).fill(length));
if (sessionOf.length !== EVENTS_A_BLOCK) throw new Error(`a block has ${sessionOf.length} events`);

/** The place of each name in the world's list. */
const indexOf = (world) => Object.fromEntries(world.names.map(({ name }, index) => [name, index]));

/** A share 0..1 out of 32 bits of a hash. */
const share = (hash, shift = 0) => `(bitAnd(bitShiftRight(${hash}, ${shift}), 4294967295) / 4294967296)`;

/** The hours of a chunk, as often as visits begin in them. */
function hourWheel({ fromMs, toMs }, startMs) {
  const hours = Math.round((toMs - fromMs) / HOUR_MS);
  const weights = Array.from({ length: hours }, (_, hour) => {
    const ms = fromMs + hour * HOUR_MS;
    return HOURS[new Date(ms).getUTCHours()] * dayWeight(ms, startMs);
  });
  return wheel(weights, 8_192);
}

/** The SELECT of a chunk's rows: columns by name, nothing but constants and `numbers()` in it.
 *  @param chunk { group, numbers: of its projects in the warehouse, rowsEach, fromMs, toMs, visitors, id }; every time lies in [fromMs, toMs) */
export function eventRows(chunk, world, { seed, startMs }) {
  const { places, cityParts, devices, sources, pageParts, searchParts } = world;
  const names = indexOf(world);
  const nameIs = (...wanted) => `name_at IN (${wanted.map((name) => names[name]).join(', ')})`;
  const of = (rows, key, index) =>
    at(
      rows.map((row) => row[key]),
      index,
    );
  const owner = `'${chunk.group}', which`;
  const { fixed, things, kinds, verbs } = pageParts;
  const thing = at(things, `intDiv(page_at, 3) % ${things.length}`);
  const kind = at(kinds, `intDiv(page_at, 45) % ${kinds.length}`);
  const verb = at(verbs, `intDiv(page_at, 45) % ${verbs.length}`);
  const upper = (text) => `concat(upper(substring(${text}, 1, 1)), substring(${text}, 2))`;
  const page = (column, journal, tool, guide) =>
    `multiIf(page_at < ${fixed.length}, ${at(
      fixed.map((one) => one[column]),
      'least(page_at, 7)',
    )}, page_at % 3 = 0, ${journal}, page_at % 3 = 1, ${tool}, ${guide})`;
  const first = (key) => of(sources, key, 'source_at');
  const utm = (key) =>
    `if(place = 0, ${at(
      sources.map((source) => source.utm[key]),
      'source_at',
    )}, '')`;
  const told = (key) =>
    `if(place = 0, ${at(
      sources.map((source) => source.first[key]),
      'source_at',
    )}, ${at(
      sources.map((source) => source.later[key]),
      'source_at',
    )})`;
  const words = (glue) =>
    `concat(${at(searchParts.first, `bitShiftRight(search_bits, 12) % ${searchParts.first.length}`)}, '${glue}', ` +
    `${at(searchParts.second, `search_bits % ${searchParts.second.length}`)})`;
  const city = `((city_number * 1019) % 2720)`;
  const projectOf = chunk.numbers.length === 1 ? String(chunk.numbers[0]) : at(chunk.numbers, 'which');
  const site =
    chunk.numbers.length === 1 ? `'${chunk.group}.example'` : `concat('${chunk.group}-', toString(which), '.example')`;

  return `
SELECT
  toUInt32(${projectOf}) AS project_id,
  fromUnixTimestamp64Milli(at_ms, 'UTC') AS ts,
  fromUnixTimestamp64Milli(at_ms + toInt64(90 + bitShiftRight(event_hash, 20) % 700), 'UTC') AS received_at,
  toUInt16(if(event_hash % 6 = 0, bitShiftRight(event_hash, 8) % 4, 0)) AS seq,
  generateUUIDv4() AS event_id,
  ${of(world.names, 'name', 'name_at')} AS name,
  visitor AS visitor_id,
  if(visitor_at % 200 < 6 AND place > 0 AND bitShiftRight(session_hash, 40) % 10 < 6,
    cityHash64(${seed}, 'user', ${owner}, intDiv(visitor_at, 200) * 5 + toUInt32(greatest(toInt32(visitor_at % 200) - 1, 0))), 0) AS user_id,
  toUInt64(0) AS session_id,
  concat('https://', hostname) AS origin,
  concat(if(page_at % 3 = 2 AND page_at >= ${fixed.length}, 'docs.', 'www.'), ${site}) AS hostname,
  ${page(0, `concat('/journal/how-to-', ${verb}, '-a-', ${thing}, '-', toString(page_at))`, `concat('/tools/', ${kind}, '-', ${thing}, '-', toString(page_at))`, `concat('/docs/', ${thing}, '/', ${kind}, '/', toString(page_at))`)} AS path,
  multiIf(place = 0, ${first('query')}, page_at = 4, concat('?q=', ${words('+')}), bitShiftRight(event_hash, 30) % 25 = 0, concat('?page=', toString(2 + bitShiftRight(event_hash, 35) % 5)), '') AS query,
  ${page(1, `concat('How to ', ${verb}, ' a ', ${thing}, ', part ', toString(page_at))`, `concat(${upper(kind)}, ' ', ${thing}, ' no. ', toString(page_at))`, `concat(${upper(thing)}, ', ', ${kind}, ' | Guide ', toString(page_at))`)} AS title,
  ${first('referrer')} AS referrer,
  ${first('referrerHost')} AS referrer_host,
  ${told('source')} AS source,
  ${told('channel')} AS channel,
  ${utm('utmSource')} AS utm_source,
  ${utm('utmMedium')} AS utm_medium,
  ${utm('utmCampaign')} AS utm_campaign,
  ${utm('utmContent')} AS utm_content,
  ${utm('utmTerm')} AS utm_term,
  ${of(places, 'country', 'country_at')} AS country,
  ${at(
    places.flatMap(({ regions }) => regions),
    `${of(places, 'firstRegion', 'country_at')} + city_number % ${at(
      places.map(({ regions }) => regions.length),
      'country_at',
    )}`,
  )} AS region,
  concat(${at(cityParts.heads, `${city} % 20`)}, ${at(cityParts.middles, `intDiv(${city}, 20) % 8`)}, ${at(cityParts.tails, `intDiv(${city}, 160)`)}) AS city,
  ${of(devices, 'browser', 'device_at')} AS browser,
  ${of(devices, 'browserVersion', 'device_at')} AS browser_version,
  ${of(devices, 'os', 'device_at')} AS os,
  ${of(devices, 'osVersion', 'device_at')} AS os_version,
  ${of(devices, 'device', 'device_at')} AS device,
  ${of(devices, 'screen', 'device_at')} AS screen,
  if(bitShiftRight(visitor_hash, 50) % 8 = 0, 'en-US', ${of(places, 'language', 'country_at')}) AS language,
  ${of(places, 'timezone', 'country_at')} AS timezone,
  '' AS ip,
  toUInt8(0) AS flags,
  if(${nameIs('purchase')}, toDecimal64(price_cents * (1 + bitShiftRight(event_hash, 44) % 3), 4) / 100, toDecimal64(0, 4)) AS revenue,
  if(${nameIs('purchase')}, multiIf(country IN ('DE', 'FR', 'NL', 'ES', 'IT', 'AT', 'FI', 'IE'), 'EUR', country = 'GB', 'GBP', 'USD'), '') AS currency,
  mapFromArrays(
    multiIf(${nameIs('search')}, ['plan', 'variant', 'query'], ${nameIs('view_item', 'add_to_cart', 'purchase')}, ['plan', 'variant', 'price'],
      session_hash % 3 = 0, ['plan'], ['plan', 'variant']),
    multiIf(${nameIs('search')}, [plan, variant, concat('"', ${words(' ')}, '"')], ${nameIs('view_item', 'add_to_cart', 'purchase')}, [plan, variant, toString(price_cents / 100)],
      session_hash % 3 = 0, [plan], [plan, variant])) AS properties
FROM (
  SELECT *,
    toInt64(least(${chunk.fromMs} + toInt64(hour) * ${HOUR_MS} + toInt64(bitShiftRight(session_hash, 24) % ${HOUR_MS}),
      ${chunk.toMs} - 1 - (length + 1) * gap_ms) + place * gap_ms + toInt64(floor(${share('event_hash', 16)} * 0.9 * gap_ms))) AS at_ms,
    -- Zipf-like: a page's share falls with its rank.
    multiIf(${nameIs('search')}, 4, ${nameIs('purchase')}, 6, ${nameIs('signup')}, 3,
      toUInt32(floor(exp(${share('page_hash')} * log(${PAGES + 1}))) - 1)) AS page_at,
    toUInt32(floor(${share('intHash64(event_hash + 7)')} * ${share('intHash64(event_hash + 8)')} * 16777216)) AS search_bits,
    500 + (page_at * 37) % 20000 AS price_cents,
    toUInt32(${of(places, 'firstCity', 'country_at')} + floor(exp(${share('visitor_hash', 10)} * log(${of(places, 'cities', 'country_at')} + 1))) - 1) AS city_number,
    ${at(['"free"', '"pro"', '"team"', '"enterprise"'], drawn([{ weight: 70 }, { weight: 20 }, { weight: 8 }, { weight: 2 }], 'bitShiftRight(visitor_hash, 54)', 64))} AS plan,
    if(bitShiftRight(visitor_hash, 33) % 2 = 0, '"a"', '"b"') AS variant
  FROM (
    SELECT *,
      -- What is no pageview happens on the page before it, and one page in five is the entry page again.
      if(name_at != 0 AND place > 0, place - 1, place) AS page_place,
      cityHash64(session_hash, 'page', if(intHash64(session_hash + page_place) % 5 = 0, 0, page_place)) AS page_hash,
      cityHash64(${seed}, 'visitor', ${owner}, visitor_at) AS visitor,
      intHash64(visitor) AS visitor_hash,
      ${drawn(places, 'visitor_hash')} AS country_at,
      ${drawn(devices, 'bitShiftRight(visitor_hash, 20)', 4_096)} AS device_at,
      ${drawn(sources, 'bitShiftRight(session_hash, 44)')} AS source_at,
      if(place = 0 AND event_hash % 64 != 0, 0, ${drawn(world.names, 'bitShiftRight(event_hash, 6)', 4_096)}) AS name_at,
      ${at(hourWheel(chunk, startMs), 'intHash64(session_hash + 3) % 8192')} AS hour,
      toInt64(4000 * pow(150, ${share('intHash64(session_hash + 5)')})) AS gap_ms
    FROM (
      SELECT *,
        cityHash64(${seed}, ${owner}, ${chunk.fromMs}, intDiv(nth, ${EVENTS_A_BLOCK}) * 64 + ${at(sessionOf, 'in_block')}) AS session_hash,
        toInt64(${at(placeOf, 'in_block')}) AS place,
        toInt64(${at(lengthOf, 'in_block')}) AS length,
        cityHash64(session_hash, place) AS event_hash,
        toUInt32(floor(${chunk.visitors} * pow(${share('intHash64(session_hash + 1)')}, 1.5))) AS visitor_at
      FROM (
        SELECT intDiv(number, ${chunk.rowsEach}) AS which, number % ${chunk.rowsEach} AS nth, nth % ${EVENTS_A_BLOCK} AS in_block
        FROM numbers(${chunk.numbers.length * chunk.rowsEach})))))`;
}

/** The links that a chunk's rows say, each with its first moment. */
export const linkRows = (bounds) => `
SELECT project_id, visitor_id, user_id, min(ts) AS first_at
FROM events WHERE ${bounds} AND user_id != 0
GROUP BY project_id, visitor_id, user_id`;
