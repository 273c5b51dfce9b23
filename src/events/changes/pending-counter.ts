// How much waits to be derived? Counted in memory by whoever stores, written every few seconds: it decides when, never what.
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Postgres } from '../../platform/postgres/postgres';
import { ChangesRepository } from './changes.repository';

const WRITE_EVERY_MS = 3_000;

@Injectable()
export class PendingCounter implements OnModuleInit, OnModuleDestroy {
  #counts = new Map<number, number>();
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly changes: ChangesRepository,
    private readonly postgres: Postgres,
  ) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
    this.postgres.beforeClose(() => this.write());
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
  }

  /** Adds events of a project. No store is asked. */
  add(project: number, events: number): void {
    this.#counts.set(project, (this.#counts.get(project) ?? 0) + events);
  }

  /** Writes what was added. Runs by itself, one at a time; never throws. */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #write(): Promise<void> {
    const counts = this.#counts;
    if (counts.size === 0) return;
    this.#counts = new Map();
    try {
      await this.changes.addPending(counts);
    } catch {
      for (const [project, events] of counts) this.add(project, events);
    }
  }
}
