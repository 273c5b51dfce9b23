// What that was derived of a project has to go when the project goes? Its rows in the warehouse; its pointers go with the project.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import { type Project, type ProjectEraser, ProjectErasers } from '../projects';
import { DERIVED_TABLES, eraseDerived, partitionsWith } from './rollup.queries';

const TIMEOUT_MS = 600_000;

@Injectable()
export class RollupsEraser implements ProjectEraser, OnModuleInit {
  constructor(
    private readonly erasers: ProjectErasers,
    private readonly clickhouse: ClickHouse,
  ) {}

  onModuleInit(): void {
    this.erasers.add(this);
  }

  /** Deletes every derived row of the project. Repeatable. Rows of a step that is under way meanwhile are litter: nothing points at them.
   *  TRICKY: partition by partition, and only those that hold something: a deletion rewrites every part it is pointed at. */
  async erase({ number }: Pick<Project, 'number'>): Promise<void> {
    for (const table of DERIVED_TABLES) {
      const partitions = await this.clickhouse.rows<{ partition: number }>(partitionsWith(table, number), {
        purpose: 'erase-rollups',
        background: true,
      });
      for (const { partition } of partitions)
        await this.clickhouse.run(eraseDerived(table, number, partition), { background: true, timeoutMs: TIMEOUT_MS });
    }
  }
}
