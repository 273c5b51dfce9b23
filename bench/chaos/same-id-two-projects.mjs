// Are two projects apart even where they use the same ids? Sent at once, and each again.
import { aBatch } from '../support/chaos-load.mjs';
import { HandMade } from '../support/hand-made.mjs';

export const trial = {
  number: 27,
  name: 'same-id-two-projects',
  load: '60 batches of 50, in two projects',
  faults: 'the same ids at the same moment, each batch twice',
  async run({ short, folder }) {
    const made = await HandMade.start(folder, 'one');
    const other = await made.server.project('two');
    const ids = [];
    const said = { accepted: 0, duplicates: 0 };
    for (let at = 0; at < (short ? 12 : 60); at++) {
      const batch = aBatch(50).map((event) => ({ ...event, url: '/' }));
      ids.push(...batch.map(({ id }) => id));
      // In the other project another event, so that it would be seen whose was kept.
      const theirs = batch.map((event) => ({ ...event, name: 'theirs' }));
      const answers = await Promise.all([
        made.batch(batch),
        made.batch(theirs, other),
        made.batch(theirs.toReversed(), other),
        made.batch(batch.toReversed()),
      ]);
      for (const { accepted, duplicates } of answers) {
        said.accepted += accepted;
        said.duplicates += duplicates;
      }
    }
    made.acknowledged = 2 * ids.length;
    const [ours, theirs] = [await made.count(ids), await made.count(ids, other)];
    const { data } = await made.server.ask('GET', '/events/summary?period=all', { project: other.id });
    made.same(
      'names in the other project',
      data.map(({ name, events }) => [name, events]),
      [['theirs', ids.length]],
    );
    return made.verdict({
      lost: ours.lost + theirs.lost,
      doubled: ours.doubled + theirs.doubled,
      details: [`${ids.length} ids in each project; ${said.duplicates} repeats recognised at once`],
      ...(short ? { load: '12 batches of 50, in two projects' } : {}),
    });
  },
};
