// Is somebody forgotten whose erasure was cut short by the server's death? Five erasures are each stopped at another step; then `kill -9`.
import { setTimeout as sleep } from 'node:timers/promises';
import { keptRejected, storedRows } from '../support/chaos-load.mjs';
import { clickhouseShim } from '../support/clickhouse-shim.mjs';
import { anEvent, newId } from '../support/events.mjs';
import { OwnClickHouse } from '../support/own-clickhouse.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

/** Where the end comes: before a statement reaches the store, or when it is done and nobody has been told. */
const STEPS = [
  { statement: /DELETE FROM events/i, side: 'before' },
  { statement: /DELETE FROM events/i, side: 'after' },
  { statement: /ALTER TABLE visitor_links DELETE/i, side: 'after' },
  { statement: /ALTER TABLE rejected_events DELETE/i, side: 'after' },
  // Nobody finds them any more, and what is on the disk is about to be looked for: a merge may have taken it off already.
  { statement: /has_lightweight_delete\s+AND partition IN/i, side: 'before' },
];
const OTHERS = 200;
const THEIRS = 20;
/** What a dead server had claimed is free after a minute; the rest is for a machine that is busy. */
const PATIENCE_MS = 300_000;

/** Holds one statement at each step, and lets all others pass. @returns what is held, and what lets it go */
function holdOneAtEachStep(shim) {
  const held = new Set();
  let letGo;
  const over = new Promise((resolve) => (letGo = resolve));
  const holder = (side, then) => async (seen) => {
    const step = STEPS.find((one) => one.side === side && !held.has(one) && one.statement.test(seen.sql));
    if (step === undefined) return undefined;
    held.add(step);
    await over;
    return then;
  };
  shim.decide = holder('before', 'refuse');
  shim.answered = holder('after');
  return { held, letGo };
}

/** One of the projects: somebody who is to be forgotten, known by a device and by name, and others who are not. */
class Place {
  static async make(server, name) {
    const place = new Place();
    const project = await server.project(name);
    place.theirs = Array.from({ length: THEIRS }, (_, at) => ({
      ...anEvent(newId()),
      visitorId: 'phone',
      ...(at % 2 === 0 ? {} : { userId: 'ada' }),
    }));
    place.wrong = { id: newId(), name: '', visitorId: 'phone' };
    place.others = Array.from({ length: OTHERS }, () => anEvent(newId(), 50));
    Object.assign(place, { server, name, project });
    place.sent = await place.send([...place.theirs, place.wrong, ...place.others]);
    await place.say('POST', '/visitors/identify', { userId: 'ada', visitorId: 'phone', traits: { plan: 'pro' } });
    const known = await place.ask(`/events/${place.theirs[1].id}`);
    place.hashes = [known.visitorId, known.userId];
    return place;
  }

  say(method, path, body) {
    return this.server.ask(method, path, { key: this.project.sec, body });
  }

  ask(path) {
    return this.server.ask('GET', path, { project: this.project.id });
  }

  send(events) {
    return this.say('POST', '/events/batch', { events });
  }

  async erase() {
    const { job } = await this.server.ask('DELETE', `/visitors/${this.hashes[0]}`, { project: this.project.id });
    this.job = job.id;
  }

  async state() {
    return (await this.ask(`/jobs/${this.job}`)).state;
  }

  /** Holds the project to it: nothing of theirs by any id, everything of the others once. */
  async count(world) {
    const rows = await storedRows(this.server, this.project);
    const kept = await keptRejected(this.server, this.project);
    const theirs = [...this.theirs, this.wrong].filter(({ id }) => rows.has(id) || kept.has(id));
    world.expect(theirs.length === 0, `${this.name}: ${theirs.length} events of somebody who was erased are there`);
    for (const hash of this.hashes) {
      const status = await this.ask(`/visitors/${hash}`).then(
        () => 200,
        (error) => (/: 404 /.test(error.message) ? 404 : error.message),
      );
      world.expect(status === 404, `${this.name}: somebody who was erased is known: ${status}`);
    }
    const counted = await this.server.stored(this.project.id);
    world.expect(counted === OTHERS, `${this.name}: figures tell of ${counted} events instead of ${OTHERS}`);
    return {
      lost: this.others.filter(({ id }) => !rows.has(id)).length,
      doubled: this.others.filter(({ id }) => rows.get(id) > 1).length,
    };
  }
}

export const trial = {
  number: 44,
  name: 'erasure-killed',
  load: `5 batches of 50 a second; somebody is erased in each of ${STEPS.length} projects`,
  faults: `kill -9 when the erasures are at ${STEPS.length} different steps`,
  async run({ note, folder }) {
    const clickhouse = await OwnClickHouse.start();
    const shim = await clickhouseShim(clickhouse.url);
    // An erasure waits for inserts and reads that began before it.
    const env = { CLICKHOUSE_URL: shim.url, INSERT_TIMEOUT_MS: '2000', QUERY_TIMEOUT_MS: '3000' };
    const world = await TrialWorld.start({ folder, note, env, rate: 5 });
    const { server } = world;
    const places = [];
    for (let at = 1; at <= STEPS.length; at++) places.push(await Place.make(server, `place ${at}`));
    for (const { name, sent } of places) world.expect(sent.accepted === THEIRS + OTHERS, `${name}: not all was taken`);
    world.begin();

    const { held, letGo } = holdOneAtEachStep(shim);
    for (const place of places) await place.erase();
    note('the erasures begin …');
    const allHeld = await until(() => held.size === STEPS.length, PATIENCE_MS);
    world.expect(allHeld, `only ${held.size} of ${STEPS.length} steps were reached`);
    const before = await Promise.all(places.map((place) => place.state()));
    world.expect(!before.includes('completed'), 'a job was completed before its end');
    await server.kill();
    shim.decide = () => undefined;
    shim.answered = () => undefined;
    letGo();
    const killedAt = performance.now();
    await server.boot();
    note('what was cut short goes on …');
    const isOver = (states) => states.every((state) => state === 'completed');
    let states = ['unknown'];
    while (!isOver(states) && performance.now() - killedAt < PATIENCE_MS) {
      await sleep(500);
      states = await Promise.all(places.map((place) => place.state()));
    }
    world.expect(isOver(states), `the jobs are ${states.join(', ')}`);
    world.lines.push(`all were erased ${seconds(performance.now() - killedAt)} after the kill`);

    // Whoever has the batch still may send it again.
    for (const place of places) {
      const { accepted, filtered } = await place.send(place.theirs);
      world.expect(accepted === 0, `${place.name}: ${accepted} events of somebody who was erased were taken again`);
      world.expect(filtered.length === THEIRS, `${place.name}: ${filtered.length} of ${THEIRS} were left out`);
    }
    const counted = await world.end();
    for (const place of places) {
      const { lost, doubled } = await place.count(world);
      counted.acknowledged += OTHERS;
      counted.lost += lost;
      counted.doubled += doubled;
      counted.held &&= lost + doubled === 0;
    }
    return world.verdict(counted);
  },
};
