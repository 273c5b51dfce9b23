// Routes of a test's own that ask for keys as a feature's would: what guards do is seen without any feature.
import { ApiQuery } from '@nestjs/swagger';
import { Body, Controller, Get, HttpCode, Module, Post } from '@nestjs/common';
import {
  CurrentKey,
  CurrentProject,
  EventThrottle,
  FromBrowser,
  Idempotent,
  Public,
  RequireScope,
  type RequestKey,
} from '../../src/auth';
import type { Project } from '../../src/projects';

@Controller('probe')
class ProbeController {
  runs = 0;

  constructor(private readonly throttle: EventThrottle) {}

  @Post('events')
  @HttpCode(200)
  @RequireScope('events:write')
  @FromBrowser()
  @ApiQuery({ name: 'key', required: false })
  take(@CurrentProject() project: Project, @Body() body: { count?: number } | null): { project: string } {
    this.throttle.take(project, body?.count ?? 1);
    return { project: project.id };
  }

  @Get('stats')
  @RequireScope('stats:read')
  read(@CurrentProject() project: Project, @CurrentKey() key: RequestKey): { project: string; kind: string } {
    return { project: project.id, kind: key.kind };
  }

  @Get('open')
  @Public()
  open(): { open: true } {
    return { open: true };
  }

  /** Takes a while, and counts how often it was really done. */
  @Post('once')
  @RequireScope('funnels:write')
  @Idempotent()
  async once(@Body() body: { waitMs?: number; fail?: boolean }): Promise<{ run: number }> {
    this.runs += 1;
    const { runs } = this;
    await new Promise((resolve) => setTimeout(resolve, body.waitMs ?? 0));
    if (body.fail === true) throw new Error('as asked');
    return { run: runs };
  }
}

/** The routes: POST events, GET stats, GET open, POST once, below `/probe`. */
@Module({ controllers: [ProbeController] })
export class ProbeModule {}
