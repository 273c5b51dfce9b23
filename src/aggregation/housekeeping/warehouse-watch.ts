// How full is the warehouse, and are its parts few? Every worker looks for its own `/metrics`, and warns before the disk is full.
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HOUR_MS, MINUTE_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Metrics } from '../../platform/metrics/metrics';
import { Queues } from '../../platform/queue/queues';
import { crowdedPartitions, disks, tablesOnDisk } from './housekeeping.queries';

const EVERY_MS = MINUTE_MS;
/** Beyond this inserts are slowed down soon (the engine's own limit is 1,000), and FINAL is dear. */
const MOST_PARTS = 150;
const LITTLE_ROOM = 0.1;
const WARN_EVERY_MS = HOUR_MS;

interface TableRow {
  table: string;
  parts: number;
  rows: number;
  bytes: number;
  most: number;
}

@Injectable()
export class WarehouseWatch implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(WarehouseWatch.name);
  readonly #warnedAt = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly metrics: Metrics,
    private readonly queues: Queues,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.queues.isWorker) return;
    const look = (): void => void this.look().catch(() => this.#logger.debug('the warehouse could not be looked at'));
    this.#timer = setInterval(look, EVERY_MS).unref();
    look();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Brings the gauges up to date. @throws storeUnavailable; the gauges stay as they were */
  async look(): Promise<void> {
    const options = { purpose: 'watch-warehouse', background: true } as const;
    for (const { table, parts, rows, bytes, most } of await this.clickhouse.rows<TableRow>(tablesOnDisk, options)) {
      this.metrics.tableParts.set({ table }, parts);
      this.metrics.tableRows.set({ table }, rows);
      this.metrics.tableBytes.set({ table }, bytes);
      this.metrics.partitionParts.set({ table }, most);
    }
    const crowded = await this.clickhouse.rows<{ table: string; partition: string; parts: number }>(
      crowdedPartitions(MOST_PARTS),
      options,
    );
    this.metrics.crowdedPartitions.set(crowded.length);
    if (crowded.length > 0) this.#warn('crowded', { partitions: crowded }, 'partitions have many parts');
    const [fullest] = await this.clickhouse.rows<{ name: string; free: number; total: number }>(disks, options);
    if (fullest === undefined) return;
    this.metrics.diskFreeBytes.set(fullest.free);
    this.metrics.diskTotalBytes.set(fullest.total);
    if (fullest.free < fullest.total * LITTLE_ROOM)
      this.#warn(
        'disk',
        { freeBytes: fullest.free, totalBytes: fullest.total },
        'the disk of ClickHouse is nearly full',
      );
  }

  #warn(what: string, fields: object, message: string): void {
    if (Date.now() - (this.#warnedAt.get(what) ?? 0) < WARN_EVERY_MS) return;
    this.#warnedAt.set(what, Date.now());
    this.#logger.warn(fields, message);
  }
}
