// Routes of a project's keys.
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Actor, CurrentActor } from '../../audit/actor';
import { ApiProblems } from '../../platform/http/api-problems';
import type { Project } from '../../projects/projects.types';
import { CurrentProject, RequireScopeOn } from '../decorators';
import { Idempotent } from '../idempotency/idempotent.decorator';
import {
  CreateKeyDto,
  KeyListDto,
  KeyParams,
  ListKeysQuery,
  NewKeyDto,
  ProjectParams,
  RotateKeyDto,
  toKeyDto,
} from './keys.dto';
import { keyAlreadyRotated } from './keys.errors';
import { KeysService } from './keys.service';

@ApiTags('keys')
@Controller('projects/:id/keys')
export class KeysController {
  constructor(private readonly keys: KeysService) {}

  @Post()
  @RequireScopeOn('id', 'project:admin')
  @Idempotent()
  @ApiOperation({ summary: 'Make a key', description: 'The text of the key is in this answer and nowhere else.' })
  @ApiCreatedResponse({ type: NewKeyDto })
  async create(
    @Param() _params: ProjectParams,
    @CurrentProject() project: Project,
    @Body() body: CreateKeyDto,
    @CurrentActor() actor: Actor,
  ): Promise<NewKeyDto> {
    const { row, text } = await this.keys.create(project.id, body, actor);
    return { ...toKeyDto(row), key: text };
  }

  @Get()
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({ summary: 'List keys', description: 'Newest first. Revoked ones are not shown.' })
  @ApiOkResponse({ type: KeyListDto })
  async list(
    @Param() _params: ProjectParams,
    @CurrentProject() project: Project,
    @Query() query: ListKeysQuery,
  ): Promise<KeyListDto> {
    const { data, page } = await this.keys.list(project.id, query);
    return { data: data.map(toKeyDto), page };
  }

  @Delete(':keyId')
  @HttpCode(204)
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({ summary: 'Revoke a key', description: 'It stops working everywhere within 5 seconds, for good.' })
  @ApiNoContentResponse()
  async revoke(
    @CurrentProject() project: Project,
    @Param() { keyId }: KeyParams,
    @CurrentActor() actor: Actor,
  ): Promise<void> {
    await this.keys.revoke(project.id, keyId, actor);
  }

  @Post(':keyId/rotate')
  @RequireScopeOn('id', 'project:admin')
  @Idempotent()
  @ApiOperation({
    summary: 'Rotate a key',
    description: 'Makes a key with the same name, kind and scopes. The old one works for `graceSeconds` more.',
  })
  @ApiCreatedResponse({ type: NewKeyDto })
  @ApiProblems(keyAlreadyRotated)
  async rotate(
    @CurrentProject() project: Project,
    @Param() { keyId }: KeyParams,
    @Body() body: RotateKeyDto,
    @CurrentActor() actor: Actor,
  ): Promise<NewKeyDto> {
    const { row, text } = await this.keys.rotate(project.id, keyId, actor, body.graceSeconds);
    return { ...toKeyDto(row), key: text };
  }
}
