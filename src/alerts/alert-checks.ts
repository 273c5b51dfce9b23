// Which alerts fire now? Each minute every alert is asked, a few at a time and behind every chart; news goes to who wants to know.
import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock';
import { newId } from '../common/ids';
import { Problem, storeUnavailable } from '../common/problem';
import { SECOND_MS, type TimeRange } from '../common/time-range';
import { Metrics } from '../platform/metrics/metrics';
import type { Project } from '../projects';
import { Figures } from '../stats';
import { looksBack } from './alert.verdict';
import type { Alert, Reading } from './alerts.types';
import { ChecksRepository, type Watched } from './checks.repository';
import { DeliveriesService } from './deliveries.service';
import { messageOf } from './webhook/message';

const BATCH = 100;
/** Questions side by side: the background has six connections, and others work there too. */
const AT_ONCE = 3;
/** Less than the minute between two looks, as one may begin a little early. Whoever looks meanwhile finds nothing to do. */
const FRESH_MS = 45 * SECOND_MS;

@Injectable()
export class AlertChecks {
  readonly #logger = new Logger(AlertChecks.name);

  constructor(
    private readonly repository: ChecksRepository,
    private readonly deliveries: DeliveriesService,
    private readonly figures: Figures,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Checks every alert that is due, each once. One that can't be checked does not keep the others from it.
   *  @throws storeUnavailable where it can't be told which are due */
  async look(): Promise<void> {
    const before = this.clock.now() - FRESH_MS;
    let after: string | undefined;
    for (;;) {
      const due = await this.repository.due(before, BATCH, after);
      await sideBySide(AT_ONCE, due, (watched) => this.#check(watched));
      after = due.at(-1)?.alert.id;
      if (due.length < BATCH) return;
    }
  }

  async #check({ alert, project }: Watched): Promise<void> {
    const at = this.clock.now();
    try {
      const reading = await this.#read(project, alert, at);
      const news = await this.repository.settle(alert, at, reading, (type, now, state) => {
        const id = newId();
        return { id, body: messageOf({ id, type, at, project, alert: now, state, ...reading }) };
      });
      this.metrics.alertChecks.inc({ outcome: reading.value === null ? 'no_figure' : 'checked' });
      if (news !== undefined) await this.deliveries.handOver(news);
    } catch (error) {
      // Nothing is known that was not known before: the alert stays as it is until somebody can ask.
      this.metrics.alertChecks.inc({ outcome: 'failed' });
      const away = error instanceof Problem && error.kind === storeUnavailable.kind;
      this.#logger.warn({ alertId: alert.id, ...(away ? {} : { err: error }) }, 'an alert could not be checked');
    }
  }

  /** The figures of the window that ends at a moment. A question that is refused, as its goal is gone or it is too large, has none. */
  async #read(project: Project, alert: Alert, at: number): Promise<Reading> {
    try {
      const [value = null, previous = null] = await this.figures.of(project, alert, windowsOf(alert, at));
      return looksBack(alert) ? { value, previous } : { value };
    } catch (error) {
      if (!(error instanceof Problem) || error.kind.status >= 499) throw error;
      return { value: null };
    }
  }
}

/** The window that ends at a moment, and the one before it where that is compared. */
const windowsOf = (alert: Alert, at: number): TimeRange[] => {
  const length = alert.windowSeconds * SECOND_MS;
  const window = { from: at - length, to: at };
  return looksBack(alert) ? [window, { from: at - 2 * length, to: at - length }] : [window];
};

/** Does work for each item, so many at once. */
async function sideBySide<T>(places: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: places }, worker));
}
