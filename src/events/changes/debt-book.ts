// What must still be said to Postgres, and who says it? What writers could not note while it was away, written as soon as it answers.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { Postgres } from '../../platform/postgres/postgres';
import { ChangeTimes } from './change-times';
import { ChangesRepository, type ProjectVisitor } from './changes.repository';
import { Debts, type ProjectRange } from './debts';

const PAY_EVERY_MS = 1_000;
/** More visitors than this, and all time of their projects is owed instead. */
const MOST_VISITORS = 20_000;

/** One side of the book: everything that is owed at some moment. */
interface Page {
  /** Of what is stored: marked where it lies before the closing of the moment when Postgres is back. */
  readonly stored: Debts;
  /** Of what may still come to be stored, though nobody was told so: marked wherever it lies. */
  readonly doubtful: Debts;
  readonly visitors: Map<string, ProjectVisitor>;
}

const emptyPage = (): Page => ({ stored: new Debts(), doubtful: new Debts(), visitors: new Map() });

@Injectable()
export class DebtBook implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(DebtBook.name);
  #open = emptyPage();
  #writing: Page | undefined;
  #paying: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly changes: ChangesRepository,
    private readonly times: ChangeTimes,
    private readonly postgres: Postgres,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.pay(), PAY_EVERY_MS).unref();
    // Twice: what is being paid does not hold what came meanwhile.
    this.postgres.beforeClose(async () => {
      await this.pay();
      await this.pay();
    });
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#paying;
  }

  /** Whether this process knows of changes of a project that no mark says yet. */
  owes(project: number): boolean {
    return [this.#open, this.#writing].some(
      (page) =>
        page !== undefined &&
        (page.stored.has(project) ||
          page.doubtful.has(project) ||
          [...page.visitors.values()].some((visitor) => visitor.project === project)),
    );
  }

  /** Owes ranges in which events were stored. */
  owe(ranges: Iterable<ProjectRange>): void {
    for (const range of ranges) this.#open.stored.add(range);
  }

  /** Owes ranges in which an insert that failed may still have its effect. */
  doubt(ranges: Iterable<ProjectRange>): void {
    for (const range of ranges) this.#open.doubtful.add(range);
  }

  /** Owes visitors whose new links were stored. */
  oweVisitors(visitors: Iterable<ProjectVisitor>): void {
    const owed = this.#open.visitors;
    for (const visitor of visitors) owed.set(`${visitor.project}:${visitor.visitor}`, visitor);
    if (owed.size <= MOST_VISITORS) return;
    for (const { project } of owed.values()) this.#open.stored.add({ project, from: 0, to: this.clock.now() });
    owed.clear();
  }

  /** Pays what is owed, if Postgres takes it. Runs by itself, one at a time; never throws. */
  pay(): Promise<void> {
    this.#paying ??= this.#pay().finally(() => (this.#paying = undefined));
    return this.#paying;
  }

  async #pay(): Promise<void> {
    const page = this.#open;
    if (page.stored.size + page.doubtful.size + page.visitors.size === 0) return;
    this.#open = emptyPage();
    this.#writing = page;
    try {
      const closings = await this.changes.closings(page.stored.projects);
      const late = page.stored.all().filter(({ project, from }) => from < (closings.get(project) ?? -Infinity));
      await this.changes.mark(late, 0);
      await this.changes.mark(page.doubtful.all(), this.times.insertMs + this.times.leaseMs);
      await this.changes.addVisitors([...page.visitors.values()], 0);
      if (late.length > 0) this.#logger.log({ ranges: late.length }, 'what was stored late is marked now');
    } catch {
      // Whatever was written of it is written again: a mark more says nothing false.
      this.owe(page.stored.all());
      this.doubt(page.doubtful.all());
      this.oweVisitors(page.visitors.values());
    } finally {
      this.#writing = undefined;
    }
  }
}
