// Does a poisonous event cost its batch? One in each batch of a thousand: 999 are stored, and the one is kept with its reason or stored as it was sent.
import { anEvent, newId } from '../support/events.mjs';
import { HandMade } from '../support/hand-made.mjs';

const raw = (json) => ({ json });
/** A body of so many bytes is read whole, so that an event of any shape has its id. */
const READ_WHOLE = 262_144;
/** In a longer one: refused by its shape, before anybody looks for its id. */
const unread = (json) => ({ json, isUnread: true });
const deep = (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** What makes an event poisonous: fields beside those of an honest one, as JSON. `stored`: it is right, however odd; the API gives it back so. */
const CORPUS = [
  ['half of a surrogate pair', raw('"title":"\\ud800"')],
  ['half of a pair in properties', raw('"properties":{"k":"\\udc00"}')],
  ['half of a pair as a key', raw('"properties":{"\\ud800":1}')],
  ['NUL', raw('"title":"a\\u0000b"')],
  ['a screen of -1', raw('"context":{"screen":{"width":-1,"height":1}}')],
  ['a screen of 1.5', raw('"context":{"screen":{"width":1.5,"height":1}}')],
  ['a screen of 2^32', raw('"context":{"screen":{"width":4294967296,"height":1}}')],
  ['30 February', raw('"timestamp":"2026-02-30T10:00:00Z"')],
  ['a date that is none', raw('"timestamp":"yesterday"')],
  ['epoch seconds', raw('"timestamp":1700000000')],
  ['the year 1800', raw('"timestamp":"1800-01-01T00:00:00Z"')],
  ['the year 2300', raw('"timestamp":"2300-01-01T00:00:00Z"')],
  ['time zero', raw('"timestamp":0')],
  ['a negative time', raw('"timestamp":-1')],
  ['a time of 1e400', raw('"timestamp":1e400')],
  ['a name that is null', raw('"name":null')],
  ['a name that is a list', raw('"name":["a"]')],
  ['an unknown field', raw('"nmae":1')],
  ['2,000 levels', unread(`"properties":${deep(2_000)}`)],
  ['50,000 levels', unread(`"context":${deep(50_000)}`)],
  ['properties that are a list', raw('"properties":[1]')],
  ['a revenue of 1e400', raw('"revenue":{"amount":1e400,"currency":"EUR"}')],
  ['a revenue of 20 digits', raw('"revenue":{"amount":"12345678901234567890","currency":"EUR"}')],
  ['a revenue of NaN', raw('"revenue":{"amount":"NaN","currency":"EUR"}')],
  ['a currency that is none', raw('"revenue":{"amount":1,"currency":"XX1"}')],
  ['a url of script', raw('"url":"javascript:alert(1)"')],
  ['an address that is none', raw('"context":{"ip":"999.1.1.1"}')],
  ['a zone that is none', raw('"context":{"timezone":"Mars/Olympus"}')],
  ['properties of 9 kB', raw(`"properties":{"k":"${'a'.repeat(9_000)}"}`)],
  ['300 properties', raw(`"properties":{${Array.from({ length: 300 }, (_, at) => `"k${at}":1`).join()}}`)],
  ['keys that only differ as paths', raw('"properties":{"a.b":1,"a":{"b":2}}'), { 'a.b': 1, a: { b: 2 } }],
  ['a key twice', raw('"properties":{"a":1,"a":2}'), { a: 2 }],
  ['an integer of 25 digits', raw('"properties":{"n":1234567890123456789012345}'), { n: 1.2345678901234568e24 }],
  [
    'names with a meaning',
    raw('"properties":{"__proto__":1,"constructor":{"prototype":1},"toString":2}'),
    JSON.parse('{"__proto__":1,"constructor":{"prototype":1},"toString":2}'),
  ],
  [
    'quotes, backslashes and line breaks',
    raw(String.raw`"properties":{"k\"\\'\n\t":"v\"\\'\r\n\t\u2028"}`),
    { 'k"\\\'\n\t': 'v"\\\'\r\n\t\u2028' },
  ],
  ['a null', raw('"properties":{"k":null,"l":[null,{}]}'), { k: null, l: [null, {}] }],
  [
    'types side by side',
    raw('"properties":{"a":[1,"1",true,null,1.5,[],{}]}'),
    { a: [1, '1', true, null, 1.5, [], {}] },
  ],
  [
    'the largest number',
    raw('"properties":{"n":1.7976931348623157e308,"m":5e-324}'),
    { n: Number.MAX_VALUE, m: 5e-324 },
  ],
  [
    'words of ClickHouse',
    raw(String.raw`"properties":{"k":"\\N","l":"NULL","m":"{p0:String}","n":"\\'"}`),
    { k: '\\N', l: 'NULL', m: '{p0:String}', n: "\\'" },
  ],
];

export const trial = {
  number: 29,
  name: 'poison-events',
  load: 'batches of 1,000',
  faults: `one of ${CORPUS.length} poisons in each`,
  async run({ short, note, folder }) {
    const made = await HandMade.start(folder, 'poison');
    const size = short ? 50 : 1_000;
    const ids = [];
    const refused = [];
    const odd = [];
    for (const [what, { json, isUnread = false }, stored] of CORPUS) {
      note(what);
      const batch = Array.from({ length: size }, () => ({ ...anEvent(newId()), properties: { honest: true } }));
      const id = newId();
      const at = size >> 1;
      const texts = batch.map((event) => JSON.stringify(event));
      // The last of two equal names counts: the poison stands behind the honest fields.
      texts[at] = `{"id":"${id}","name":"poison","visitorId":"p",${json}}`;
      batch[at] = { id };
      const body = `{"events":[${texts.join()}]}`;
      const said = await made.send('/events/batch', body);
      if (said.status !== 200) {
        made.fault(`${what}: the batch was answered ${said.status} ${JSON.stringify(said.body).slice(0, 200)}`);
        continue;
      }
      const { accepted, rejected } = said.body;
      made.acknowledged += accepted;
      const told = isUnread && body.length > READ_WHOLE ? null : id;
      const wanted = stored === undefined ? [size - 1, [[at, told]]] : [size, []];
      made.same(what, [accepted, rejected.map((one) => [one.index, one.id ?? null])], wanted);
      if (rejected.some(({ errors }) => errors.length === 0)) made.fault(`${what}: refused without a reason`);
      if (stored === undefined) refused.push(told);
      else odd.push([what, id, stored]);
      ids.push(...batch.map((event) => event.id).filter((one) => stored !== undefined || one !== id));
    }
    const counted = await made.count(ids);
    for (const [what, id, stored] of odd) {
      const { properties } = await made.server.ask('GET', `/events/${id}`, { project: made.project.id });
      const byKey = (of) => Object.entries(of).toSorted(([a], [b]) => (a < b ? -1 : 1));
      made.same(what, byKey(properties), byKey(stored));
    }
    const { data } = await made.server.ask('GET', '/events/rejected?period=all&limit=1000', {
      project: made.project.id,
    });
    const sorted = (ids) => ids.toSorted((a, b) => String(a).localeCompare(String(b)));
    made.same('refused events that are kept', sorted(data.map(({ eventId }) => eventId || null)), sorted(refused));
    return made.verdict({
      ...counted,
      details: [
        `${refused.length} poisons refused and kept, ${odd.length} odd events stored and given back as they were`,
      ],
      ...(short ? { load: `batches of ${size}` } : {}),
    });
  },
};
