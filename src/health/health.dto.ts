// What do probes ask and answer?
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { QueryListField } from '../common/validation/fields';
import { NEEDS, type Need } from './readiness.service';

/** A probe that only says that all is well; what is not is an error. */
export class OkDto {
  @ApiProperty({ enum: ['ok'], example: 'ok' })
  readonly status = 'ok';
}

/** What a load balancer can do without. */
export class ReadyQuery {
  @QueryListField({
    optional: true,
    max: NEEDS.length,
    item: (value) => NEEDS.some((name) => name === value),
    itemIs: `one of ${NEEDS.join(', ')}`,
    itemSchema: { enum: [...NEEDS] },
    description:
      'What may be missing: it is reported, and the answer stays 200. `exclude=clickhouse` is for a load balancer that sends events, which are kept on disk while ClickHouse is away; `exclude=disk` for one that only reads.',
  })
  readonly exclude?: Need[];
}

/** How one store is. */
export class StoreHealthDto {
  @ApiProperty({ enum: ['up', 'down'], example: 'up' })
  readonly status!: 'up' | 'down';

  @ApiProperty({ type: 'number', minimum: 0, example: 0.004, description: 'Seconds that it took to find out' })
  readonly seconds!: number;
}

/** Every store. */
export class StoresHealthDto {
  @ApiProperty({ type: () => StoreHealthDto })
  readonly postgres!: StoreHealthDto;

  @ApiProperty({ type: () => StoreHealthDto })
  readonly clickhouse!: StoreHealthDto;

  @ApiProperty({ type: () => StoreHealthDto, description: 'The store that queues live in' })
  readonly queue!: StoreHealthDto;
}

/** Space for the data of embedded stores. */
export class DiskHealthDto {
  @ApiProperty({ type: 'integer', minimum: 0, example: 52_613_349_376 })
  readonly freeBytes!: number;

  @ApiProperty({ type: 'integer', minimum: 0, example: 105_226_698_752 })
  readonly totalBytes!: number;
}

/** A server that takes traffic. */
export class ReadyDto {
  @ApiProperty({ enum: ['ready', 'degraded'], description: '`degraded`: something is missing that was excluded' })
  readonly status!: 'ready' | 'degraded';

  @ApiProperty({ type: () => StoresHealthDto })
  readonly stores!: StoresHealthDto;

  @ApiPropertyOptional({ type: () => DiskHealthDto, description: 'Only where a store is embedded' })
  readonly disk?: DiskHealthDto;
}
