// Is what was refused kept, for its own project alone, and taken when it comes again mended? Refused events beside good ones, over a restart, then mended.
import { keptRejected } from '../support/chaos-load.mjs';
import { anEvent, newId } from '../support/events.mjs';
import { HandMade } from '../support/hand-made.mjs';

const WRONG = [
  { url: 'no url' },
  { name: '' },
  { timestamp: 'yesterday' },
  { revenue: { amount: 'x', currency: 'EUR' } },
];

export const trial = {
  number: 31,
  name: 'rejected-events',
  load: '60 batches of 20, one event in four wrong',
  faults: 'kill -9, then the wrong ones mended under their ids, twice',
  async run({ short, folder }) {
    const made = await HandMade.start(folder, 'rejecting');
    const other = await made.server.project('neighbour');
    const good = [];
    const wrong = [];
    for (let at = 0; at < (short ? 10 : 60); at++) {
      const batch = Array.from({ length: 20 }, () => anEvent(newId()));
      const sent = batch.map((event, place) =>
        place % 4 === 3 ? { ...event, ...WRONG[(at + place) % WRONG.length] } : event,
      );
      const { accepted, rejected } = await made.batch(sent);
      made.acknowledged += accepted;
      made.same('a batch', [accepted, rejected.map(({ index }) => index)], [15, [3, 7, 11, 15, 19]]);
      for (const [place, event] of batch.entries()) (place % 4 === 3 ? wrong : good).push(event);
    }
    const idsOf = (events) => events.map(({ id }) => id);
    const kept = async (when) => {
      const ids = await keptRejected(made.server, made.project);
      made.same(`${when}: refused events that are kept`, [...ids].sort(), idsOf(wrong).sort());
      made.same(`${when}: those that the neighbour sees`, (await keptRejected(made.server, other)).size, 0);
    };
    await kept('at once');
    await made.server.kill();
    await made.server.boot();
    await kept('after kill -9');
    const whose = await made.send('/events/rejected?period=all', undefined, { method: 'GET', key: other.sec });
    made.same('what another project is told', [whose.status, whose.body.data], [200, []]);

    // Sent again as it was, and again mended: a refusal is no reason to take the id for known.
    for (let from = 0; from < wrong.length; from += 100) {
      const mended = wrong.slice(from, from + 100);
      const said = await made.batch(mended);
      made.same('mended events', [said.accepted, said.duplicates, said.rejected], [mended.length, 0, []]);
      made.acknowledged += said.accepted;
      const twice = await made.batch(mended);
      made.same('mended events, again', twice.accepted + twice.duplicates, mended.length);
    }
    const counted = await made.count(idsOf([...good, ...wrong]));
    return made.verdict({
      ...counted,
      details: [`${good.length} good events, ${wrong.length} refused, kept, mended and then stored once`],
      ...(short ? { load: '10 batches of 20, one event in four wrong' } : {}),
    });
  },
};
