// Does any JSON come back as it was sent? Properties made at random: each is stored and given back with its types, or refused for a limit that
// it does pass.
import fc from 'fast-check';
import { newId } from '../support/events.mjs';
import { HandMade } from '../support/hand-made.mjs';

/** Values of any form from one kind of text. */
const valuesOf = (text, depthSize) =>
  fc.letrec((tie) => ({
    leaf: fc.oneof(
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
    ),
    node: fc.oneof(
      { depthSize },
      tie('leaf'),
      fc.array(tie('node'), { maxLength: 5 }),
      fc.dictionary(text, tie('node'), { maxKeys: 5 }),
    ),
  })).node;
const tame = fc.string({ unit: 'grapheme', minLength: 1 });
const wild = fc.oneof(tame, fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('\0', '\ud800', '\udfff', ''));
const properties = fc.oneof(
  { weight: 4, arbitrary: fc.dictionary(tame, valuesOf(tame, 'xsmall'), { maxKeys: 12 }) },
  { weight: 1, arbitrary: fc.dictionary(wild, valuesOf(wild, 'medium'), { maxKeys: 12 }) },
);

const depthOf = (of) =>
  typeof of === 'object' && of !== null ? 1 + Math.max(0, ...Object.values(of).map(depthOf)) : 0;
const textsIn = (of) =>
  typeof of === 'string'
    ? [of]
    : typeof of === 'object' && of !== null
      ? (Array.isArray(of) ? of : Object.entries(of)).flatMap(textsIn)
      : [];
/** The documented limits, counted in another way than the server does. */
const isAllowed = (of) =>
  depthOf(of) <= 3 &&
  Object.keys(of).every((key) => key !== '' && [...key].length <= 200) &&
  Buffer.byteLength(JSON.stringify(of)) <= 8_192 &&
  textsIn(of).every((one) => one.isWellFormed() && !one.includes('\0'));

export const trial = {
  number: 30,
  name: 'any-json',
  load: '10,000 events with random properties',
  faults: 'any JSON, within the limits and beyond them',
  async run({ short, note, folder }) {
    const made = await HandMade.start(folder, 'any');
    const count = short ? 1_000 : 10_000;
    const seed = Date.now() & 0x7fffffff;
    const sent = new Map(
      fc.sample(properties, { numRuns: count, seed }).map((one) => [newId(), JSON.parse(JSON.stringify(one))]),
    );
    const list = [...sent];
    let refused = 0;
    for (let from = 0; from < list.length; from += 500) {
      const part = list.slice(from, from + 500);
      const { rejected } = await made.batch(
        part.map(([id, one]) => ({ id, name: 'any', visitorId: 'a', properties: one })),
      );
      const places = new Set(rejected.map(({ index }) => index));
      for (const [index, [id, one]] of part.entries()) {
        if (places.has(index) === isAllowed(one))
          made.fault(`${places.has(index) ? 'refused' : 'taken'} against the limits: ${JSON.stringify(one)}`);
        if (places.has(index)) sent.delete(id);
      }
      refused += rejected.length;
      note(`${from + part.length} of ${count}`);
    }
    made.acknowledged = sent.size;
    const counted = await made.count(sent.keys());
    const answer = await fetch(`${made.server.url}/api/v1/events/export?format=ndjson&period=all`, {
      headers: { 'x-api-key': made.server.rootKey, 'x-project-id': made.project.id },
    });
    const sorted = (one) => JSON.stringify(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const line of (await answer.text()).split('\n')) {
      if (line === '') continue;
      const { id, properties: back } = JSON.parse(line);
      if (sorted(back) !== sorted(sent.get(id) ?? {}))
        made.fault(`${sorted(sent.get(id))} came back as ${sorted(back)}`);
    }
    return made.verdict({
      ...counted,
      details: [`${sent.size} stored and given back as they were, ${refused} beyond a limit and refused; seed ${seed}`],
      ...(short ? { load: `${count} events with random properties` } : {}),
    });
  },
};
