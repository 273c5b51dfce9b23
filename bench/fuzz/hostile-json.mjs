// Does JSON hurt? Depth, width, names with a meaning, bytes that are no text, in every place that reads a body.
import { gzipSync } from 'node:zlib';
import { withBody } from './hostile-socket.mjs';

const MB = 1_048_576;
const KEYS = 60_000;

const nested = (open, close, depth, inner = '1') => open.repeat(depth) + inner + close.repeat(depth);
const wide = (keys, name = (at) => `k${at}`) =>
  `{${Array.from({ length: keys }, (_, at) => `${JSON.stringify(name(at))}:1`).join(',')}}`;

const eventsOf = (count, event) => `{"events":[${Array.from({ length: count }, (_, at) => event(at)).join(',')}]}`;
const rightEvent = (event) =>
  JSON.stringify({
    name: 'large',
    visitorId: `v${event}`,
    url: `https://shop.example/${event}`,
    properties: Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`key${at}`, at * event])),
  });

/** JSON that is right and unpleasant, or nearly right. `null` as the status that it has where events come in: whatever is no 5xx. */
const texts = (short) => {
  const depth = short ? 100_000 : 500_000;
  return [
    ['lists, 5,000 deep', nested('[', ']', 5_000)],
    [`lists, ${depth} deep`, nested('[', ']', depth)],
    [`objects, ${depth / 10} deep`, nested('{"a":', '}', depth / 10)],
    ['1 MB of [', '['.repeat(MB - 10)],
    ['1 MB of {"a":', '{"a":'.repeat((MB - 10) / 5)],
    [`a name that is ${depth} deep`, `{"name":${nested('[', ']', depth)}}`],
    [`properties that are ${depth / 10} deep`, `{"name":"x","properties":${nested('{"a":', '}', depth / 10)}}`],
    [`a batch whose event is ${depth} deep`, `{"events":[${nested('[', ']', depth)}]}`],
    [`a batch whose event has an id ${depth} deep`, `{"events":[{"name":"x","id":${nested('[', ']', depth)}}]}`],
    [`a batch whose visitor is ${depth} deep`, `{"events":[{"name":"x","visitorId":${nested('[', ']', depth)}}]}`],
    [
      `a batch whose context is ${depth / 10} deep`,
      `{"events":[{"name":"x","context":${nested('{"a":', '}', depth / 10)}}]}`,
    ],
    [`${KEYS} keys`, wide(KEYS)],
    [`a batch whose event has ${KEYS} keys`, `{"events":[${wide(KEYS)}]}`],
    [`a batch whose properties have ${KEYS} keys`, `{"events":[{"name":"x","properties":${wide(KEYS)}}]}`],
    [`${KEYS} numeric keys`, wide(KEYS, (at) => String(at * 1_000))],
    ['the same key 60,000 times', wide(KEYS, () => 'name')],
    ['a key of 900 kB', JSON.stringify({ ['a'.repeat(900_000)]: 1 })],
    ['a text of 900 kB', JSON.stringify({ name: 'a'.repeat(900_000) })],
    ['500,000 empty lists', `[${'[],'.repeat(300_000)}1]`],
    ['a number of 900,000 digits', `{"name":${'9'.repeat(900_000)}}`],
    ['1e400', '{"name":1e400}'],
    ['a name with a lone surrogate', '{"name":"\\ud800"}'],
    ['a name with NUL', '{"name":"a\\u0000b"}'],
    ['__proto__', '{"name":"p","__proto__":{"polluted":1}}'],
    ['__proto__, escaped', '{"name":"p","\\u005f_proto__":{"polluted":1}}'],
    ['constructor.prototype', '{"name":"p","constructor":{"prototype":{"polluted":1}}}'],
    ['__proto__ in properties', '{"name":"p","properties":{"__proto__":{"polluted":1}}}'],
    ['__proto__ as a list', '{"name":"p","__proto__":[1]}'],
    ['names of every object', '{"name":"p","toString":1,"hasOwnProperty":1,"valueOf":1,"length":1}'],
    ['a toJSON', '{"name":"p","toJSON":1,"properties":{"toJSON":"x","then":"y"}}'],
    ['nothing', ''],
    ['blanks', ' '.repeat(1_000)],
    ['null', 'null'],
    ['true', 'true'],
    ['a text', '"x"'],
    ['NaN', 'NaN'],
    ['a comment', '{"name":"x"/* y */}'],
    ['a comma too many', '{"name":"x",}'],
    ['single quotes', "{'name':'x'}"],
    ['two values', '{"name":"x"}{"name":"y"}'],
    ['something behind it', '{"name":"x"} y'],
  ];
};

const bytes = [
  {
    what: 'a lone continuation byte',
    body: Buffer.from([0x7b, 0x22, 0x6e, 0x61, 0x6d, 0x65, 0x22, 0x3a, 0x22, 0x80, 0x22, 0x7d]),
  },
  {
    what: 'an overlong slash',
    body: Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
  },
  {
    what: 'a surrogate in UTF-8',
    body: Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
  },
  {
    what: 'half of a character',
    body: Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xf0, 0x9f, 0x98]), Buffer.from('"}')]),
  },
  { what: 'latin1', body: Buffer.from('{"name":"M\u00fcller"}', 'latin1') },
  { what: 'UTF-16', body: Buffer.from('\ufeff{"name":"x"}', 'utf16le') },
  { what: 'NUL bytes', body: Buffer.from('{"name":"x"}\0\0') },
  { what: 'raw control characters', body: Buffer.from('{"name":"a\nb"}') },
];

export const json = {
  number: 33,
  name: 'json',
  async run(world) {
    const root = { 'X-API-Key': world.server.rootKey };
    const { id } = world.project;
    const adm = { 'X-API-Key': world.server.rootKey, 'X-Project-Id': id };
    const sec = { 'X-API-Key': world.project.sec };
    /** Every kind of reader of a body: of events, of a DTO, with an Idempotency-Key, with parts that are free. */
    /** @type {[string, string, string, object, boolean?][]} */
    const doors = [
      ['one event', 'POST', '/api/v1/events', sec, true],
      ['a batch', 'POST', '/api/v1/events/batch', sec, true],
      ['a project', 'POST', '/api/v1/projects', root],
      ['a project, once', 'POST', '/api/v1/projects', { ...root, 'Idempotency-Key': 'hostile' }],
      ['a change of a project', 'PATCH', `/api/v1/projects/${id}`, root],
      ['a key', 'POST', `/api/v1/projects/${id}/keys`, root],
      ['a question', 'POST', '/api/v1/stats/query', adm],
      ['a funnel', 'POST', '/api/v1/funnels', adm],
      ['a funnel, unsaved', 'POST', '/api/v1/funnels/query', adm],
      ['a goal', 'POST', '/api/v1/goals', adm],
      ['an alert', 'POST', '/api/v1/alerts', adm],
      ['a dry run', 'POST', '/api/v1/events/batch?dryRun=true', sec, true],
    ];
    for (const [door, method, path, headers, events] of doors) {
      world.note(`  ${door}`);
      const named = { ...headers, 'Content-Type': 'application/json' };
      for (const [what, text] of texts(world.short)) {
        const allowed = events ? [200, 400, 413] : [400, 413, 201, 422, 409];
        await world.costs(`${door}: ${what}`, { loopMs: 250, moreMb: 200 }, () =>
          world.send(`${door}: ${what}`, () => withBody(method, path, named, text), allowed),
        );
      }
      for (const { what, body } of bytes)
        await world.send(`${door}: ${what}`, withBody(method, path, named, body), [400]);
      for (const charset of ['utf-16', 'iso-8859-1', 'nonsense', '"utf-8"', 'utf-8; charset=utf-16'])
        await world.send(
          `${door}: charset=${charset}`,
          withBody(
            method,
            path,
            { ...headers, 'Content-Type': `application/json; charset=${charset}` },
            Buffer.from('{"name":"\u00e9"}', 'utf16le'),
          ),
          [400, 415],
        );
    }
    // As large as it may be: what is only read where a key may send ten megabytes.
    const gzip = { ...sec, 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    for (const [what, text] of [
      ['10 MB of [', '['.repeat(10 * MB - 10)],
      ['5 million lists in each other', nested('[', ']', 5_000_000)],
      ['3 million empty lists in a batch', `{"events":[${'[],'.repeat(3_000_000)}1]}`],
      [
        '2,000 events with 4 kB of wrong fields each',
        `{"events":[${Array.from({ length: 1_900 }, () => wide(400)).join(',')}]}`,
      ],
      ['a batch whose one event has a million keys', `{"events":[${wide(900_000)}]}`],
      ['a million fields beside the events', wide(900_000)],
      ['1,900 events of 1,700 empty lists', eventsOf(1_900, () => `[${'[],'.repeat(1_700)}1]`)],
      ['1,900 events of 30 lists, 60 deep', eventsOf(1_900, () => `[${`${nested('[', ']', 60)},`.repeat(30)}1]`)],
      ['names that are all different', eventsOf(1_900, (event) => wide(400, (at) => `${event}_${at}`))],
      ['2,000 events that are right and large', eventsOf(2_000, rightEvent)],
      ['a text of ten megabytes', `{"events":[{"name":"${'é'.repeat(5_000_000)}"}]}`],
    ])
      await world.costs(what, { loopMs: 250, moreMb: 600 }, () =>
        world.send(
          what,
          () => withBody('POST', '/api/v1/events/batch', gzip, gzipSync(text, { level: 1 })),
          [200, 400, 413],
        ),
      );
  },
};
