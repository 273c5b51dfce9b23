// How is the server? Three probes, for what starts it, what restarts it and what sends it traffic.
import { Controller, Get, Query } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/decorators';
import { ApiProblems } from '../platform/http/api-problems';
import { Lifecycle } from '../platform/http/lifecycle';
import { OkDto, ReadyDto, ReadyQuery } from './health.dto';
import { notReady, notStarted } from './health.errors';
import { ReadinessService } from './readiness.service';

@ApiTags('operations')
@Controller('health')
@Public()
export class HealthController {
  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly readiness: ReadinessService,
  ) {}

  /** Asks no store: a restart of this process would not bring one back. */
  @Get('live')
  @RouteConfig({ admission: 'free' })
  @ApiOperation({
    summary: 'Whether the process answers at all',
    description: 'No store is asked. Restart it where this fails.',
  })
  @ApiOkResponse({ type: OkDto })
  live(): OkDto {
    return new OkDto();
  }

  @Get('startup')
  @RouteConfig({ admission: 'free' })
  @ApiOperation({
    summary: 'Whether the server has started',
    description: 'Both stores are migrated and the server listens.',
  })
  @ApiOkResponse({ type: OkDto })
  @ApiProblems(notStarted)
  startup(): OkDto {
    if (this.lifecycle.state === 'starting') throw notStarted({ retryAfterSeconds: 1 });
    return new OkDto();
  }

  @Get('ready')
  @RouteConfig({ admission: 'free' })
  @ApiOperation({
    summary: 'Whether the server takes traffic',
    description:
      'Asks Postgres, ClickHouse and the queue, each for at most a second, and at most once a second. 503 with the reason in `errors` where one is away, where embedded stores have less than `MIN_FREE_DISK_MB` left on their disk, and from SIGTERM on.',
  })
  @ApiOkResponse({ type: ReadyDto })
  @ApiProblems(notReady)
  ready(@Query() { exclude }: ReadyQuery): Promise<ReadyDto> {
    return this.readiness.check(exclude);
  }
}
