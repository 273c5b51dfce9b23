// What is there to ask about? A project with events, visitors, goals, funnels, alerts and keys, another tenant's beside it, and the ids of all of it.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../support/clean.mjs';
import { EVENT_NAMES, PROPERTY_KEYS } from './vocabulary.mjs';

const DAY_MS = 86_400_000;
const VISITORS = 24;
const EVENTS_A_VISITOR = 8;
/** How long the first news of an alert may take: they are checked every minute. */
const NEWS_MS = 180_000;
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** A receiver of webhooks on this machine; `calls` says how many requests came. */
async function aReceiver() {
  const receiver = { url: '', calls: 0 };
  const server = createServer((asked, answer) => {
    receiver.calls += 1;
    asked.resume().once('end', () => answer.end('thanks'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => new Promise((done) => server.close(done).closeAllConnections()));
  receiver.url = `http://127.0.0.1:${server.address().port}`;
  return receiver;
}

export class World {
  /** Ids by what they are of: `projects`, `funnels`, … as paths name them. @type {Map<string, string[]>} */
  ids = new Map();
  /** The latest pages of each operation that go on: what was asked, and the cursor. @type {Map<string, { request: any, cursor: string }[]>} */
  pages = new Map();

  static async make(server) {
    const world = new World();
    world.server = server;
    world.receiver = await aReceiver();
    // Nothing may ever come here: it is an address that payloads name.
    world.trap = await aReceiver();
    world.main = await world.#project('Fuzzed');
    // What changes a project is done to this one: with a day of retention the events of the other would go.
    world.scratch = await world.#project('Scratch');
    world.canary = await world.#project('Canary');
    await world.#sendEvents();
    await world.#sendCanary();
    await world.#makeThings();
    await world.refresh();
    return world;
  }

  idsOf(kind) {
    return this.ids.get(kind) ?? [];
  }

  /** Remembers what an answer made or named. */
  harvest(operation, request, body) {
    const next = body?.page?.next;
    if (typeof next === 'string') this.#add(this.pages, operation.id, { request, cursor: next });
    const made = { goalsCreate: 'goals', funnelsCreate: 'funnels', alertsCreate: 'alerts', keysCreate: 'keys' };
    if (made[operation.id] !== undefined) this.#add(this.ids, made[operation.id], body?.id);
    if (operation.id === 'projectsCreate') this.#add(this.ids, 'throwaways', body?.project?.id);
    if (operation.id === 'deliveriesList') for (const { id } of body?.data ?? []) this.#add(this.ids, 'deliveries', id);
    if (body?.job?.id !== undefined) this.#add(this.ids, 'jobs', body.job.id);
  }

  /** Something for an operation that removes: eight new ones, or, where the project may have no more, eight that it has. */
  async throwaways(kind) {
    const { id } = this.main;
    const made = Array.from({ length: 8 }, async (_, at) => {
      const name = `Throwaway ${Date.now()} ${at}`;
      if (kind === 'projects') return (await this.#project(name)).id;
      if (kind === 'keys')
        return (await this.#ask('POST', `/projects/${this.scratch.id}/keys`, { body: { name, kind: 'sec' } })).id;
      if (kind === 'visitors') {
        await this.#send(this.main, [{ name: 'signup', visitorId: name }]);
        return this.#visitorOf(name);
      }
      return (await this.#ask('POST', `/${kind}`, { project: id, body: this.#wish(kind, name) })).id;
    });
    const ids = (await Promise.allSettled(made)).flatMap(({ value }) => (value === undefined ? [] : [value]));
    if (ids.length > 0) return ids;
    // What was made before fills the project up.
    const { data } = await this.#ask('GET', `/${kind}?limit=8`, { project: id });
    return data.map((one) => one.id);
  }

  /** Waits until an alert has told of itself. @returns whether it did */
  async untilNews() {
    const end = Date.now() + NEWS_MS;
    for (;;) {
      const { data } = await this.#ask('GET', '/webhooks/deliveries?state=delivered', { project: this.main.id });
      for (const { id } of data) this.#add(this.ids, 'deliveries', id);
      if (data.length > 0 || Date.now() > end) return data.length > 0;
      await sleep(1_000);
    }
  }

  /** Whether the other tenant has what it had, and this project its tables. @returns what is wrong; undefined where nothing is */
  async harm() {
    const { data } = await this.#ask('GET', '/events/summary?period=all', { project: this.canary.id });
    const counted = data.reduce((sum, { events }) => sum + events, 0);
    if (counted !== this.canary.events)
      return `the canary project holds ${counted} events instead of ${this.canary.events}`;
    const { data: goals } = await this.#ask('GET', '/goals', { project: this.canary.id });
    if (goals.length !== 1) return `the canary project has ${goals.length} goals instead of 1`;
    const mine = await this.#ask('GET', '/events/summary?period=all', { project: this.main.id });
    if (mine.data.length === 0) return 'the project has no events any more';
    if (this.trap.calls > 0) return 'the server asked the address that a payload named';
    return undefined;
  }

  /** Looks up ids of what is stored. */
  async refresh() {
    const project = this.main.id;
    for (const kind of ['visitors', 'sessions']) {
      const { data } = await this.#ask('GET', `/${kind}?period=all&limit=100`, { project });
      this.ids.set(
        kind,
        data.map(({ id }) => id),
      );
    }
    const { data } = await this.#ask('GET', '/events?period=all&limit=100', { project });
    this.ids.set(
      'events',
      data.map(({ id }) => id),
    );
    this.ids.set('projects', [this.main.id, this.scratch.id]);
    this.ids.set('properties', PROPERTY_KEYS);
  }

  #add(map, key, value) {
    if (value === undefined) return;
    map.set(key, [value, ...(map.get(key) ?? []).filter((other) => other !== value)].slice(0, 40));
  }

  #ask(method, path, wish) {
    return this.server.ask(method, path, wish);
  }

  async #project(name) {
    const { project, keys } = await this.#ask('POST', '/projects', { body: { name, timezone: 'Europe/Berlin' } });
    return { id: project.id, ...keys };
  }

  async #send(project, events) {
    const answer = await this.#ask('POST', '/events/batch', { project: project.id, body: { events } });
    return answer;
  }

  async #sendEvents() {
    const events = Array.from({ length: VISITORS * EVENTS_A_VISITOR }, (_, at) => {
      const visitor = at % VISITORS;
      const step = Math.floor(at / VISITORS);
      const name = EVENT_NAMES[step % EVENT_NAMES.length];
      return {
        name,
        timestamp: Date.now() - (visitor % 20) * DAY_MS - (EVENTS_A_VISITOR - step) * 240_000 - 3_600_000,
        visitorId: `visitor ${visitor}`,
        ...(visitor % 3 === 0 ? { userId: `user ${visitor}` } : {}),
        url: `https://shop.example/${['', 'pricing', 'blog/one', 'shop/shoes'][at % 4]}?utm_source=mail`,
        referrer: at % 2 === 0 ? 'https://www.google.com/' : '',
        title: `Page ${at % 4}`,
        properties: { plan: ['free', 'pro'][visitor % 2], seats: visitor, trial: visitor % 2 === 0, price: at / 4 },
        ...(name === 'purchase' ? { revenue: { amount: '19.99', currency: visitor % 2 === 0 ? 'EUR' : 'USD' } } : {}),
        context: {
          ip: `203.0.113.${visitor}`,
          userAgent: USER_AGENT,
          locale: 'en-GB',
          screen: { width: 1920, height: 1080 },
        },
      };
    });
    await this.#send(this.main, [...events, { name: '' }, { name: 'signup', visitorId: 'x', nmae: 1 }]);
  }

  /** What no answer to anybody else may hold. */
  async #sendCanary() {
    this.canary.secret = `canary${this.canary.id.replaceAll('-', '')}`;
    this.canary.events = 20;
    const events = Array.from({ length: this.canary.events }, (_, at) => ({
      name: this.canary.secret,
      visitorId: `${this.canary.secret} ${at}`,
      url: `https://${this.canary.secret}.example/${this.canary.secret}`,
      properties: { [this.canary.secret]: this.canary.secret },
    }));
    await this.#send(this.canary, events);
    const body = { name: this.canary.secret, event: this.canary.secret };
    await this.#ask('POST', '/goals', { project: this.canary.id, body });
  }

  #wish(kind, name) {
    if (kind === 'goals') return { name, event: 'signup' };
    if (kind === 'funnels') return { name, steps: [{ event: 'pageview' }, { event: 'signup' }] };
    const webhook = { url: `${this.receiver.url}/hook` };
    return { name, metric: 'events', window: 2_678_400, condition: 'above', threshold: 1, webhook };
  }

  async #makeThings() {
    const project = this.main.id;
    for (const kind of ['goals', 'funnels', 'alerts'])
      for (const at of [1, 2, 3]) {
        const { id } = await this.#ask('POST', `/${kind}`, { project, body: this.#wish(kind, `${kind} ${at}`) });
        this.#add(this.ids, kind, id);
      }
    // Somebody else's ids look like one's own.
    const foreign = await this.#ask('POST', '/funnels', {
      project: this.canary.id,
      body: this.#wish('funnels', 'theirs'),
    });
    this.ids.set('foreign', [foreign.id, this.canary.id]);
    await this.throwaways('keys').then((keys) => keys.forEach((id) => this.#add(this.ids, 'keys', id)));
    await this.throwaways('projects').then((made) => this.ids.set('throwaways', made));
    const { job } = await this.#ask('POST', `/projects/${this.scratch.id}/verify`);
    this.#add(this.ids, 'jobs', job.id);
  }

  /** The public id of a visitor that has only just been seen. */
  async #visitorOf(visitorId) {
    const query = `period=today&limit=1&visitorId=${encodeURIComponent(visitorId)}`;
    const { data } = await this.#ask('GET', `/events?${query}`, { project: this.main.id });
    return data[0]?.visitorId;
  }
}
