// What do tests of alerts have in common? An app whose time is the test's, a receiver, and alerts of a project.
import { randomUUID } from 'node:crypto';
import { AlertChecks } from '../../src/alerts/alert-checks';
import { DeliveriesService } from '../../src/alerts/deliveries.service';
import { Clock } from '../../src/common/clock';
import { aProject, ask, type AProject, type TestApp } from '../support';

/** An alert as the API shows it; `secret` in the answer that makes it. */
export interface AlertBody {
  id: string;
  name: string;
  state: string;
  enabled: boolean;
  lastValue: number | null;
  lastCheckedAt: string | null;
  webhook: { url: string };
  secret: string;
  [field: string]: unknown;
}

/** A delivery as the API shows it. */
export interface DeliveryBody {
  id: string;
  type: string;
  state: string;
  attempts: number;
  nextAttemptAt: string | null;
  lastAttempt: { fault: string | null; status: number | null; response: string | null } | null;
  deliveredAt: string | null;
}

/** Time as the test wants it, in these apps. */
export class TestTime {
  at = Date.now();

  hold(...apps: TestApp[]): this {
    for (const { app } of apps) jest.spyOn(app.get(Clock), 'now').mockImplementation(() => this.at);
    return this;
  }
}

/** A project with alerts in an app. */
export class AlertWorld {
  private constructor(
    readonly app: TestApp,
    readonly time: TestTime,
    readonly project: AProject,
    readonly hook: string,
  ) {}

  static async of(app: TestApp, time: TestTime, hook: string): Promise<AlertWorld> {
    return new AlertWorld(app, time, await aProject(app), hook);
  }

  /** Makes an alert: more than two orders in an hour, unless said otherwise. */
  async alert(wish: object = {}): Promise<AlertBody> {
    const { status, body } = await ask<AlertBody>(this.app, '/alerts', {
      key: this.project.keys.adm,
      body: {
        name: randomUUID(),
        metric: 'events',
        filters: ['is', 'event', ['order']],
        window: 3_600,
        condition: 'above',
        threshold: 2,
        webhook: { url: this.hook },
        ...wish,
      },
    });
    expect([status, body]).toEqual([201, expect.anything()]);
    return body;
  }

  async read(id: string): Promise<AlertBody> {
    return (await ask<AlertBody>(this.app, `/alerts/${id}`, { key: this.project.keys.sec })).body;
  }

  async change(id: string, body: object): Promise<AlertBody> {
    return (await ask<AlertBody>(this.app, `/alerts/${id}`, { key: this.project.keys.adm, method: 'PATCH', body }))
      .body;
  }

  /** Orders, as many seconds ago. */
  async orders(count: number, secondsAgo = 10, name = 'order'): Promise<void> {
    const timestamp = new Date(this.time.at - secondsAgo * 1_000).toISOString();
    const events = Array.from({ length: count }, () => ({ id: randomUUID(), name, visitorId: 'ada', timestamp }));
    const { status, body } = await ask(this.app, '/events/batch', { key: this.project.keys.sec, body: { events } });
    expect([status, body]).toMatchObject([200, { accepted: count }]);
  }

  /** A minute later every alert is checked. */
  async look(app = this.app): Promise<void> {
    this.time.at += 60_000;
    await app.app.get(AlertChecks).look();
  }

  /** Deliveries of the project, newest first. */
  async deliveries(query = ''): Promise<DeliveryBody[]> {
    const { status, body } = await ask<{ data: DeliveryBody[] }>(this.app, `/webhooks/deliveries${query}`, {
      key: this.project.keys.sec,
    });
    expect(status).toBe(200);
    return body.data;
  }

  /** Tries whatever is due, as a worker would. */
  async deliver(): Promise<void> {
    for (const { id } of await this.deliveries('?state=pending')) await this.app.app.get(DeliveriesService).deliver(id);
  }
}
