// How does a request go wrong? One change each, of those that people, programs and attackers make; some of them no operation may take.
import fc from 'fast-check';

/** Texts that something along the way may trip over. */
// prettier-ignore
export const ODD_TEXTS = [
  '', ' ', '\0', 'a\0b', '\ud800', 'x\udfffy', '\u202Eabc', '\uFEFF', '\n', '\r\nX-Injected: 1', '\t', '%',
  '%00', '%zz', '\\', '/',
  '..', '../../etc/passwd', "'", '"', '`', ';', '--', '{}', '[]', '[', '{"a":', 'null', 'undefined', 'NaN',
  'true', '-0', '1e400',
  '999999999999999999999', '-1', '0', '1.5', '0x10', '١٢', '2026-02-30', '2026-13-01T00:00:00Z', '0000-01-01',
  '9999-12-31', '+275760-09-13',
  '2026-01-01T00:00:00', '1969-12-31T23:59:59Z', '2026-01-01..2025-01-01', '..', '2026-03-29T02:30:00+14:00',
  'Etc/Nowhere', 'utc',
  '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'property:', 'property:\0', 'property:__proto__',
  'time:', 'time:fortnight',
  'sum(property:)', 'p50()', 'sum(property:a', '["and"]', '["not"]', '["is"]', '["is","event"]',
  '["did",["did",["is","event",["a"]]]]',
  '["matches","page",["("]]', '["matches","page",["(a+)+$"]]', '["is","property:a.b.c",[null]]',
  '["gt","page",["x"]]', '{"and":[]}', '😀'.repeat(50),
  'x'.repeat(201), 'x'.repeat(2_100), 'é'.repeat(600), '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'eyJhIjoxfQ', 'W10', 'WzEsMl0', 'WyIyMDI2LTAxLTAxIl0', 'bnVsbA', '!!!',
  'mr_adm_000000000000000000000000000000000000',
];
const odd = fc.oneof(fc.constantFrom(...ODD_TEXTS), fc.string({ unit: 'binary', maxLength: 30 }));

// prettier-ignore
const ODD_JSON = [
  null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53, -(2 ** 63), 4_294_967_296, '', [], {}, [[]], [null],
  [[[[[]]]]],
  { a: { b: { c: { d: {} } } } }, { length: -1 }, ['__proto__'], { toString: 1 }, { $ne: null },
  { constructor: { prototype: {} } },
];
const oddJson = fc.oneof(fc.constantFrom(...ODD_JSON), odd, fc.jsonValue({ maxDepth: 2 }));

const isObject = (value) => typeof value === 'object' && value !== null;

/** Changes one place somewhere inside a value. */
function changed(value, { at, how, made }) {
  const places = [];
  const walk = (node) => {
    for (const key of Object.keys(node)) {
      places.push([node, key]);
      if (isObject(node[key])) walk(node[key]);
    }
  };
  const copy = structuredClone(value);
  if (!isObject(copy)) return made;
  walk(copy);
  if (places.length === 0) return made;
  const [node, key] = places[at % places.length];
  if (how === 'drop' && Array.isArray(node)) node.splice(Number(key), 1);
  else if (how === 'drop') delete node[key];
  else if (how === 'repeat' && Array.isArray(node[key])) node[key] = [...node[key], ...node[key], ...node[key]];
  else if (how === 'wrap') node[key] = [node[key]];
  else node[key] = made;
  return copy;
}

// prettier-ignore
const BROKEN = [
  '', ' ', '{', '[', '{"a":1', '{"a":1}}', '{"a":1}{"b":2}', "{'a':1}", '{a:1}', 'undefined', 'NaN', '[1,]',
  '\uFEFF{', '\0', '<a/>', '--x\r\n\r\n',
].map((text) => Buffer.from(text));
// prettier-ignore
const ODD_BODIES = [
  'null', 'true', '1', '"x"', '[]', '[{}]', '{}', '\uFEFF{}', '{"name":"a","name":"b"}',
  '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}',
  '{"name":1e999}', '{"name":"\\ud800"}', '{"name":"\\u0000"}', `${'['.repeat(300)}${']'.repeat(300)}`,
  `{"a":${'{"a":'.repeat(200)}1${'}'.repeat(201)}`,
].map((text) => Buffer.from(text));
const NOT_UTF8 = [
  Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
  Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
];

// prettier-ignore
const TYPES = [
  'text/html', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'application/JSON', 'application/json;', 'application/json; charset="utf-8"', 'nonsense', '',
  'application/json, text/plain', 'application/ld+json',
];
// prettier-ignore
const HEADERS = [
  'Accept', 'Accept-Encoding', 'Accept-Language', 'X-Request-Id', 'Range', 'If-None-Match',
  'If-Modified-Since', 'Origin', 'Forwarded',
  'X-Forwarded-For', 'X-Forwarded-Host', 'Content-Encoding', 'Cookie', 'Authorization',
  'X-HTTP-Method-Override', 'Cache-Control', 'Last-Event-ID',
];
// prettier-ignore
const GOOD_HEADERS = [
  ['Accept', 'text/html'], ['Accept', 'application/xml;q=0'], ['Accept-Encoding', 'br;q=1.0, *;q=0'],
  ['Range', 'bytes=0-1'], ['If-None-Match', '*'],
  ['Content-Encoding', 'gzip'], ['Content-Encoding', 'br'], ['Content-Encoding', 'identity'],
  ['Content-Encoding', 'gzip, gzip'], ['Origin', 'https://evil.example'],
  ['X-HTTP-Method-Override', 'DELETE'], ['Authorization', 'Basic Og=='], ['Authorization', 'Bearer '],
  ['X-Request-Id', 'x'.repeat(500)],
];

/** Whether an operation answers for each event by itself, so that a bad one is no bad request. */
export const takesEvents = ({ id }) => id === 'ingestOne' || id === 'ingestBatch';

/** Each gives the changed request; `refuse`: no operation may answer it with 2xx. Undefined where it does not apply. */
const MUTATIONS = {
  'unknown parameter': (request) => ({ ...request, query: [...request.query, ['nmae', '1']], refuse: true }),
  'parameter twice': (request, { at }) => {
    const [name, value] = request.query[at % (request.query.length || 1)] ?? ['limit', '5'];
    return {
      ...request,
      query: [...request.query.filter(([other]) => other !== name), [name, value], [name, value]],
      refuse: true,
    };
  },
  'odd parameter': (request, { at, text }) => {
    const names = request.operation.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
    if (names.length === 0) return undefined;
    const name = names[at % names.length];
    return { ...request, query: [...request.query.filter(([other]) => other !== name), [name, text]] };
  },
  'parameter left out': (request, { at }) =>
    request.query.length === 0
      ? undefined
      : { ...request, query: request.query.filter((_, index) => index !== at % request.query.length) },
  'odd path': (request, { at, text }) => {
    const names = Object.keys(request.path);
    return names.length === 0 || text === ''
      ? undefined
      : { ...request, path: { ...request.path, [names[at % names.length]]: text } };
  },
  'odd cursor': (request, { text }) =>
    request.operation.parameters.some(({ name }) => name === 'cursor')
      ? { ...request, query: [...request.query.filter(([name]) => name !== 'cursor'), ['cursor', text]] }
      : undefined,
  'unknown field': (request) =>
    isObject(request.body) && !takesEvents(request.operation)
      ? { ...request, body: { ...request.body, nmae: 1 }, refuse: true }
      : undefined,
  'odd field': (request, { at, json }) =>
    request.body === undefined
      ? undefined
      : { ...request, body: changed(request.body, { at, how: 'set', made: json }) },
  'odd text': (request, { at, text }) =>
    request.body === undefined
      ? undefined
      : { ...request, body: changed(request.body, { at, how: 'set', made: text }) },
  'field left out': (request, { at }) =>
    request.body === undefined ? undefined : { ...request, body: changed(request.body, { at, how: 'drop' }) },
  'field in a list': (request, { at }) =>
    request.body === undefined ? undefined : { ...request, body: changed(request.body, { at, how: 'wrap' }) },
  'list longer': (request, { at }) =>
    request.body === undefined
      ? undefined
      : { ...request, body: changed(request.body, { at, how: 'repeat', made: [] }) },
  'broken body': (request, { at }) => {
    if (request.operation.body === undefined) return undefined;
    const raw = [...BROKEN, ...NOT_UTF8][at % (BROKEN.length + NOT_UTF8.length)];
    // No body at all is fine where none is needed.
    return { ...request, type: 'application/json', raw, refuse: raw.length > 0 || request.operation.needsBody };
  },
  'odd body': (request, { at }) =>
    request.operation.body === undefined
      ? undefined
      : { ...request, type: 'application/json', raw: ODD_BODIES[at % ODD_BODIES.length] },
  'odd type': (request, { at }) =>
    request.operation.body === undefined ? undefined : { ...request, type: TYPES[at % TYPES.length] },
  'uninvited body': (request, { at }) =>
    request.operation.body === undefined
      ? {
          ...request,
          type: at % 3 === 0 ? TYPES[at % TYPES.length] : 'application/json',
          raw: [...ODD_BODIES, ...BROKEN][at % (ODD_BODIES.length + BROKEN.length)],
        }
      : undefined,
  'no key': (request) => (request.operation.keyed ? { ...request, key: undefined, refuse: true } : undefined),
  'wrong key': (request, { text }) =>
    request.operation.keyed ? { ...request, key: `mr_adm_${text}`, refuse: true } : undefined,
  'odd project': (request, { text }) => ({ ...request, headers: { ...request.headers, 'X-Project-Id': text } }),
  'odd idempotency key': (request, { text }) =>
    request.operation.method === 'POST'
      ? { ...request, headers: { ...request.headers, 'Idempotency-Key': text } }
      : undefined,
  'odd header': (request, { at, text }) => ({
    ...request,
    headers: { ...request.headers, [HEADERS[at % HEADERS.length]]: text },
  }),
  'other header': (request, { at }) => {
    const [name, value] = GOOD_HEADERS[at % GOOD_HEADERS.length];
    return { ...request, headers: { ...request.headers, [name]: value } };
  },
};
// What a look-up costs more, and says less: now and then.
const RARE = new Set(['no key', 'wrong key', 'other header', 'parameter left out']);

/** Requests that something is wrong with. @param {fc.Arbitrary<import('./requests.mjs').Request>} requests
 *  @returns {fc.Arbitrary<import('./requests.mjs').Request & { mutation: string, refuse?: boolean }>} */
export function mutated(requests, operation) {
  const probe = {
    operation,
    path: {},
    query: [['a', 'b']],
    headers: {},
    body: operation.body === undefined ? undefined : {},
  };
  const fits = Object.keys(MUTATIONS).filter((name) => {
    if (name === 'odd path') return operation.path.includes('{');
    return MUTATIONS[name](probe, { at: 0, text: 'x', json: null }) !== undefined;
  });
  const chosen = fc.oneof(...fits.map((name) => ({ weight: RARE.has(name) ? 1 : 3, arbitrary: fc.constant(name) })));
  return fc
    .record({ request: requests, name: chosen, at: fc.nat({ max: 999 }), text: odd, json: oddJson })
    .map(({ request, name, ...how }) => {
      const wrong = MUTATIONS[name](request, how);
      return wrong === undefined ? { ...request, mutation: 'none' } : { ...wrong, mutation: name };
    });
}
