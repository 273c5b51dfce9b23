// What does a Prometheus server read? Every instrument's value, as text.
import { Controller, Get, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth/decorators';
import { Metrics } from '../platform/metrics/metrics';

const EXAMPLE = `# HELP millrace_ingest_events_total Events by what became of them, and why
# TYPE millrace_ingest_events_total counter
millrace_ingest_events_total{outcome="accepted",reason=""} 1289
millrace_ingest_events_total{outcome="filtered",reason="bot"} 17
`;

@ApiTags('operations')
@Controller('metrics')
@Public()
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @RouteConfig({ admission: 'free' })
  @ApiOperation({
    summary: 'Metrics for Prometheus',
    description: 'Of this process. No project, key or event name is in it.',
  })
  @ApiOkResponse({
    description: 'Prometheus text format 0.0.4',
    content: { 'text/plain': { schema: { type: 'string' }, example: EXAMPLE } },
  })
  async read(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { registry } = this.metrics;
    void reply.type(registry.contentType);
    return registry.metrics();
  }
}
