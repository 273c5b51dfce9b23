// Does an event count once when its batch comes up to five times, at once, cut differently, and over a restart?
import { randomInt } from 'node:crypto';
import { aBatch } from '../support/chaos-load.mjs';
import { HandMade } from '../support/hand-made.mjs';

/** The same events in other pieces: whole batches, halves, single ones, two batches mixed. */
const cutAgain = (batches) => {
  const all = batches.flat();
  const pieces = [];
  while (all.length > 0) pieces.push(all.splice(0, randomInt(1, 120)));
  return pieces;
};

export const trial = {
  number: 25,
  name: 'duplicate-batches',
  load: '120 batches of 50',
  faults: 'each sent 1 to 5 times at once, cut anew, and again after kill -9',
  async run({ short, note, folder }) {
    const made = await HandMade.start(folder, 'duplicates');
    // Without the event that breaks a rule: what is refused is another trial's.
    const batches = Array.from({ length: short ? 24 : 120 }, () =>
      aBatch(50).map((event) => (event.url === 'no url' ? { ...event, url: '/' } : event)),
    );
    const ids = batches.flat().map(({ id }) => id);
    let recognised = 0;
    const send = async (batch) => {
      const { accepted, duplicates, rejected, filtered } = await made.batch(batch);
      recognised += duplicates;
      made.same('what became of a batch', accepted + duplicates, batch.length);
      made.same('refused or left out', rejected.length + filtered.length, 0);
    };
    const lanes = async (list) => {
      const lane = async () => {
        for (let batch = list.shift(); batch !== undefined; batch = list.shift())
          await Promise.all(Array.from({ length: randomInt(1, 6) }, () => send(batch)));
      };
      await Promise.all(Array.from({ length: 4 }, lane));
    };
    note('each batch up to five times at once …');
    await lanes([...batches]);
    note('cut anew …');
    await lanes(cutAgain(batches));
    await made.server.kill();
    await made.server.boot();
    note('again after kill -9 …');
    await lanes([...batches, ...cutAgain(batches)]);
    made.acknowledged = ids.length;
    const counted = await made.count(ids);
    const figures = await made.server.stored(made.project.id);
    made.same('events that figures tell of', figures, ids.length);
    return made.verdict({
      ...counted,
      details: [`${ids.length} events, ${recognised} repeats recognised at once, ${figures} in figures`],
      ...(short ? { load: '24 batches of 50' } : {}),
    });
  },
};
