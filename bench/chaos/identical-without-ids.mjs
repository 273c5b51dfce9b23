// Are events that look the same but have no id different events? Whole batches of them, twice on purpose, at once and over a restart.
import { HandMade } from '../support/hand-made.mjs';

export const trial = {
  number: 28,
  name: 'identical-without-ids',
  load: '40 equal batches of 100 equal events',
  faults: 'one after the other, at once, and again after a restart',
  async run({ short, folder }) {
    const made = await HandMade.start(folder, 'equal');
    const events = Array.from({ length: 100 }, () => ({
      name: 'click',
      visitorId: 'a',
      timestamp: '2026-03-01T10:00:00Z',
      url: '/same',
    }));
    const once = async () => {
      const { accepted, duplicates } = await made.batch(events);
      made.acknowledged += accepted;
      made.same('taken for repeats', duplicates, 0);
    };
    const times = short ? 5 : 10;
    for (let at = 0; at < times; at++) await once();
    await Promise.all(Array.from({ length: 2 * times }, once));
    await made.server.stop();
    await made.server.boot();
    for (let at = 0; at < times; at++) await once();
    const stored = await made.server.stored(made.project.id);
    return made.verdict({
      lost: Math.max(0, made.acknowledged - stored),
      doubled: Math.max(0, stored - made.acknowledged),
      details: [`${stored} events stored`],
      ...(short ? { load: '20 equal batches of 100 equal events' } : {}),
    });
  },
};
