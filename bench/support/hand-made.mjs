// How does a trial send what it has made by hand, and learn what became of each event? For trials whose fault is in what is sent, not in the server.
import { storedRows } from './chaos-load.mjs';
import { Server } from './server.mjs';

/** A server and a project, and the account of one trial. */
export class HandMade {
  acknowledged = 0;
  faults = [];
  /** Requests by their status. */
  statuses = new Map();

  static async start(folder, name, env = {}) {
    const made = new HandMade();
    made.server = await Server.start(env, folder);
    made.project = await made.server.project(name);
    return made;
  }

  /** Sends a request. @returns its status, body and headers */
  async send(path, body, { key = this.project.sec, headers = {}, method = 'POST' } = {}) {
    const answer = await fetch(`${this.server.url}/api/v1${path}`, {
      method,
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    const isJson = (answer.headers.get('content-type') ?? '').includes('json');
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** Sends a batch until it is answered 2xx: what was refused for a while, or broke, goes again under the same ids. */
  async batch(events, project = this.project) {
    for (let turn = 0; ; turn++) {
      const said = await this.send('/events/batch', { events }, { key: project.sec }).catch((error) => ({
        status: error.message,
      }));
      if (said.status === 200 || said.status === 202) return said.body;
      if (turn === 50 || (typeof said.status === 'number' && said.status !== 429 && said.status !== 503))
        throw new Error(`a batch was answered ${said.status}: ${JSON.stringify(said.body)}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  fault(what) {
    this.faults.push(what);
  }

  /** Says a fault where two things differ. */
  same(what, found, wanted) {
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      this.fault(
        `${what}: ${JSON.stringify(found)?.slice(0, 300)} instead of ${JSON.stringify(wanted)?.slice(0, 300)}`,
      );
  }

  /** Holds a project to its ids: each exactly once, and none besides. @returns how many are lost, and how many are there twice */
  async count(ids, project = this.project) {
    const rows = await storedRows(this.server, project);
    const wanted = new Set(ids);
    const foreign = [...rows.keys()].filter((id) => !wanted.has(id)).length;
    if (foreign > 0) this.fault(`${foreign} events are stored that nobody sent`);
    return {
      lost: [...wanted].filter((id) => !rows.has(id)).length,
      doubled: [...rows].filter(([, times]) => times > 1).length,
    };
  }

  verdict({ lost = 0, doubled = 0, details = [], ...rest }) {
    const answers = [...this.statuses].map(([status, times]) => `${times} x ${status}`).join(', ');
    return {
      acknowledged: this.acknowledged,
      lost,
      doubled,
      held: lost + doubled + this.faults.length === 0 && this.acknowledged > 0,
      details: [...details, `answers: ${answers}`, ...this.faults.slice(0, 20)],
      ...rest,
    };
  }
}
