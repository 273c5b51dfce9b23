// Is a create that is sent again done once? The same Idempotency-Key with the same body, another body, at the same moment, over a restart, in
// two projects, and when a day has passed.
import { randomUUID } from 'node:crypto';
import { HandMade } from '../support/hand-made.mjs';

const ROUNDS = 40;
/** Loaded before the server's code: its clock is a day and an hour ahead. */
const TOMORROW = `data:text/javascript,${encodeURIComponent(
  `const now = Date.now, RealDate = Date, ahead = 90000000;
   globalThis.Date = class extends RealDate { constructor(...given) { given.length ? super(...given) : super(now() + ahead); } static now() { return now() + ahead; } };`,
)}`;

export const trial = {
  number: 26,
  name: 'idempotency-keys',
  load: `${ROUNDS} creates, each 5 times at once`,
  faults: 'same and other bodies, two projects, kill -9, a day later',
  async run({ short, note, folder }) {
    const made = await HandMade.start(folder, 'idempotent');
    const other = await made.server.project('neighbour');
    const rounds = short ? 8 : ROUNDS;
    const create = (project, key, name) =>
      made.send('/goals', { name, event: 'signup' }, { key: project.sec, headers: { 'idempotency-key': key } });
    const goals = async (project) =>
      (await made.server.ask('GET', '/goals?limit=1000', { project: project.id })).data.map(({ name }) => name);

    const first = new Map();
    for (let round = 0; round < rounds; round++) {
      const key = randomUUID();
      const name = `goal ${round}`;
      const said = await Promise.all(Array.from({ length: 5 }, () => create(made.project, key, name)));
      const done = said.filter(({ status }) => status === 201);
      if (done.length === 0)
        made.fault(`${name}: nobody was told that it is done: ${said.map(({ status }) => status)}`);
      for (const { status } of said) if (status !== 201 && status !== 409) made.fault(`${name}: ${status}`);
      made.same(`${name}: answers`, new Set(done.map(({ body }) => JSON.stringify(body))).size, 1);
      made.same(`${name}: done`, done.filter(({ headers }) => headers.get('idempotency-replayed') === null).length, 1);
      first.set(key, { name, body: done[0]?.body });
      made.acknowledged += 1;
    }
    const again = async (when) => {
      for (const [key, { name, body }] of first) {
        const said = await create(made.project, key, name);
        made.same(`${when}: ${name}`, [said.status, said.body.id], [201, body?.id]);
        made.same(`${when}: ${name} with another body`, (await create(made.project, key, `${name} too`)).status, 422);
      }
    };
    await again('again');
    note('the keys of another project …');
    for (const [key, { name }] of first)
      made.same(`${name} of the neighbour`, (await create(other, key, name)).status, 201);
    await made.server.kill();
    await made.server.boot();
    await again('after kill -9');
    const names = [...first.values()].map(({ name }) => String(name)).toSorted();
    const found = await goals(made.project);
    made.same('goals', found.toSorted(), names);
    made.same('goals of the neighbour', (await goals(other)).toSorted(), names);

    note('a day later …');
    await made.server.stop();
    made.server.env = { ...made.server.env, NODE_OPTIONS: `--import=${TOMORROW}` };
    await made.server.boot();
    const [[key, { name }]] = first;
    made.same(
      'another body when a day has passed',
      (await create(made.project, key, `${name} of the next day`)).status,
      201,
    );
    made.same('and it is kept under the key', (await create(made.project, key, name)).status, 422);
    return made.verdict({
      lost: names.filter((one) => !found.includes(one)).length,
      doubled: found.length - new Set(found).size,
      details: [`${rounds} keys in each of two projects, ${found.length} goals in one`],
      ...(short ? { load: `${rounds} creates, each 5 times at once` } : {}),
    });
  },
};
