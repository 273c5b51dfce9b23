// Route of the audit log.
import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { RequireScopeOrRoot } from '../auth/decorators';
import { AuditListDto, ListAuditQuery, toAuditEntryDto } from './audit.dto';
import { AuditService } from './audit.service';

@ApiTags('audit')
@Controller('audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @RequireScopeOrRoot('project:admin')
  @ApiOperation({
    summary: 'Read the audit log',
    description:
      'Who did what, to what, when and from where; newest first. Entries are written together with the change, and never changed. An `adm` key sees its project; root sees all projects, or the one of `X-Project-Id`. With a project its entries go, but that it was deleted.',
  })
  @ApiHeader({
    name: 'X-Project-Id',
    required: false,
    description: 'Only of this project: for the root key',
    schema: { type: 'string', format: 'uuid' },
  })
  @ApiOkResponse({ type: AuditListDto })
  async list(@Req() { auth }: FastifyRequest, @Query() query: ListAuditQuery): Promise<AuditListDto> {
    const { data, page } = await this.audit.list(auth?.project, query);
    return { data: data.map(toAuditEntryDto), page };
  }
}
