// What does every attack need? A server that is watched from within, two projects, and a judge that holds each answer to the same rules.
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ownFolder } from '../support/clean.mjs';
import { Server } from '../support/server.mjs';
import { speak } from './hostile-socket.mjs';

/** What may never stand in an answer: places in our sources, frames of a stack, words of a store. */
const INSIDE = /\bat \S+ \(|node_modules|\/dist\/|\.js:\d+|DB::|\bCode: \d+|SELECT .* FROM|relation "|syntax error at/i;

/** A server under attack. */
export class World {
  /** @type {{ requests: number, statuses: Map<string, number>, faults: string[], loopMs: number, moreMb: number }} */
  report;

  static async start({ short, note, env = {} }) {
    const world = new World();
    world.short = short;
    world.note = note;
    world.watchPath = join(await ownFolder('watch'), 'watch.sock');
    const watch = new URL('hostile-watch.mjs', import.meta.url).href;
    world.server = await Server.start({ NODE_OPTIONS: `--import=${watch}`, HOSTILE_WATCH: world.watchPath, ...env });
    world.port = world.server.port;
    world.project = await world.server.project('attacked');
    world.other = await world.server.project('bystander');
    await world.server.ask('POST', '/events', { body: { name: 'first', visitorId: 'a' }, key: world.project.sec });
    world.begin();
    return world;
  }

  /** Begins a new account. */
  begin() {
    this.report = { requests: 0, statuses: new Map(), faults: [], loopMs: 0, moreMb: 0 };
  }

  /** What the server took since this was last asked. */
  async inside() {
    const socket = connect(this.watchPath);
    let text = '';
    socket.setEncoding('utf8').on('data', (piece) => (text += piece));
    await once(socket, 'end');
    return JSON.parse(text);
  }

  fault(what) {
    this.report.faults.push(what);
    this.note(`  fault: ${what}`);
  }

  /** Counts an answer, and holds it to what holds for all.
   *  @param answer undefined: there was none
   *  @param allowed statuses; 0 stands for a connection that ends without an answer */
  judge(what, answer, allowed) {
    const { report } = this;
    report.requests += 1;
    const status = answer?.status ?? 0;
    const name = status === 0 ? 'closed' : String(status);
    report.statuses.set(name, (report.statuses.get(name) ?? 0) + 1);
    if (!allowed.includes(status)) this.fault(`${what}: ${name} ${answer?.body.slice(0, 300) ?? ''}`);
    if (answer === undefined || status < 400) return;
    if (!/^application\/problem\+json\b/.test(answer.headers.get('content-type') ?? ''))
      this.fault(`${what}: ${status} is no problem+json but ${answer.headers.get('content-type')}`);
    if (INSIDE.test(answer.body)) this.fault(`${what}: the answer shows the inside: ${answer.body.slice(0, 300)}`);
    if ((status === 429 || status === 503) && !answer.headers.has('retry-after'))
      this.fault(`${what}: ${status} without Retry-After`);
  }

  /** Sends bytes, which have one answer, and judges it. @returns what came back */
  async send(what, pieces, allowed, options = {}) {
    const said = await speak(this.port, typeof pieces === 'function' ? pieces() : pieces, options);
    this.judge(what, said.answers[0], allowed);
    if (said.answers.length > 1) this.fault(`${what}: ${said.answers.length} answers to one request`);
    if (said.answers.length === 0 && !said.closed)
      this.fault(`${what}: neither an answer nor the end in ${said.ms} ms`);
    return said;
  }

  /** Runs an attack up to three times, until it costs no more than it may, so that a busy machine is not taken for a slow server.
   *  What the loop was late is only held against the server as far as it worked itself. */
  async costs(what, { loopMs = Infinity, moreMb = Infinity }, attack) {
    let least = { loopMs: Infinity, moreMb: Infinity };
    for (let turn = 0; turn < 3; turn++) {
      const before = await this.inside();
      await attack();
      const after = await this.inside();
      const own = Math.min(after.loopMs, after.cpuMs);
      least = { loopMs: Math.min(least.loopMs, own), moreMb: Math.min(least.moreMb, after.mostMb - before.mb) };
      if (after.inherited.length > 0) this.fault(`${what}: every object inherits ${after.inherited.join(', ')} now`);
      if (least.loopMs <= loopMs && least.moreMb <= moreMb) break;
    }
    this.report.loopMs = Math.max(this.report.loopMs, least.loopMs);
    this.report.moreMb = Math.max(this.report.moreMb, least.moreMb);
    if (least.loopMs > loopMs) this.fault(`${what}: the event loop stood for ${Math.round(least.loopMs)} ms`);
    if (least.moreMb > moreMb) this.fault(`${what}: memory grew by ${Math.round(least.moreMb)} MB`);
    return least;
  }

  /** How long honest clients wait: milliseconds of `times` events, one after the other. */
  async honest(times) {
    const waits = [];
    for (let at = 0; at < times; at++) {
      const startedAt = performance.now();
      await this.server.ask('POST', '/events', { body: { name: 'honest', visitorId: 'b' }, key: this.other.sec });
      waits.push(performance.now() - startedAt);
    }
    return waits.sort((a, b) => a - b);
  }
}
