// A route of the shop's own, beside the built-in ones: the same keys, problems and documentation.
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../../src/auth/decorators';
import { Clock } from '../../src/common/clock';
import { DAY_MS } from '../../src/common/time-range';
import { QueryIntField } from '../../src/common/validation/fields';
import { within } from '../../src/events/query';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { sql, text } from '../../src/platform/clickhouse/sql';
import type { Project } from '../../src/projects/projects.types';

class OrderPagesQuery {
  @QueryIntField({ min: 1, max: 366, optional: true, default: 7, description: 'Days before now' })
  days = 7;
}

class OrderPageDto {
  @ApiProperty({ example: '/orders/:id/invoice' }) page!: string;
  @ApiProperty({ type: 'integer', example: 12 }) views!: number;
}

class OrderPagesDto {
  @ApiProperty({ type: [OrderPageDto] }) data!: OrderPageDto[];
}

@ApiTags('shop')
@Controller('shop/order-pages')
export class OrdersController {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly clock: Clock,
  ) {}

  @Get()
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'Views of the pages of orders, whichever order it was' })
  @ApiOkResponse({ type: OrderPagesDto })
  async list(@CurrentProject() project: Project, @Query() { days }: OrderPagesQuery): Promise<OrderPagesDto> {
    const to = this.clock.now();
    // The project comes from the key and is bound, like every value: another project's rows can't get in.
    const data = await this.clickhouse.rows<OrderPageDto>(sql`
      SELECT path AS page, count() AS views
      FROM events FINAL
      WHERE ${within(project.number, { from: to - days * DAY_MS, to })} AND name = ${text('pageview')}
        AND startsWith(path, ${text('/orders/:id')})
      GROUP BY page
      ORDER BY views DESC, page
      LIMIT 100`);
    return { data };
  }
}
