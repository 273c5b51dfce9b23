// Does the document say what follows from a route, without the route saying it?
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ApiBody, ApiOkResponse, ApiOperation, ApiProperty, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { problem } from '../../common/problem';
import { ApiProblems } from './api-problems';
import { openApiDocument } from './openapi';

const nameTaken = problem(409, 'name_taken', 'A thing of this name exists');
const tooMany = problem(409, 'too_many', 'There are too many things');

class ThingDto {
  @ApiProperty({ type: 'string', format: 'uuid' })
  readonly id!: string;

  @ApiProperty({ type: [String], example: ['red'] })
  readonly colours!: string[];

  @ApiProperty({ type: Number, required: false, example: 2, ...({ 'x-pattern': '^size in ' } as object) })
  readonly 'size in cm'?: number;
}

const inner = { title: 'Part', type: 'object', properties: { size: { type: 'integer', examples: [3] } } };

@ApiTags('events')
@Controller('things')
@ApiProblems(tooMany)
class ThingsController {
  @Post(':id')
  @ApiSecurity('apiKey')
  @ApiOperation({ summary: 'Change a thing' })
  @ApiProblems(nameTaken)
  @ApiBody({
    schema: { title: 'Whole', type: 'object', properties: { parts: { type: 'array', items: inner } } } as never,
  })
  @ApiOkResponse({ type: ThingDto })
  change(@Param('id') id: string, @Body() _body: unknown): ThingDto {
    return { id, colours: [] };
  }

  @Post()
  @ApiBody({ type: ThingDto })
  make(@Body() _body: unknown): void {}

  @Get()
  @ApiOperation({ summary: 'All things' })
  @ApiOkResponse({ type: [ThingDto] })
  all(): ThingDto[] {
    return [];
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

describe('the OpenAPI document', () => {
  let document: ReturnType<typeof openApiDocument>;

  beforeAll(async () => {
    const app = await NestFactory.create(ThingsModule, new FastifyAdapter(), { preview: true, logger: false });
    document = openApiDocument(app);
  });

  const statuses = (path: string, method: 'get' | 'post') =>
    Object.keys(document.paths[path]?.[method]?.responses ?? {});

  it('adds the errors that follow from a key, a body and a path', () => {
    expect(statuses('/things/{id}', 'post')).toEqual([
      '200',
      '400',
      '401',
      '403',
      '404',
      '409',
      '413',
      '414',
      '415',
      '429',
      '503',
    ]);
  });

  it('adds little to a route that takes nothing and asks for nothing', () => {
    expect(statuses('/things', 'get')).toEqual(['200', '400', '409']);
  });

  it('gathers problems of one status into one response with an example each', () => {
    const conflict = document.paths['/things/{id}']?.post?.responses['409'] as unknown as Record<string, never>;
    expect(conflict['content']).toMatchObject({
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: { name_taken: { value: { status: 409, code: 'name_taken' } }, too_many: { value: { status: 409 } } },
      },
    });
    expect(document.paths['/things/{id}']?.post).not.toHaveProperty('x-problems');
  });

  it('moves schemas with a title into components, nested ones too', () => {
    expect(document.paths['/things/{id}']?.post?.requestBody).toMatchObject({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Whole' } } },
    });
    expect(document.components?.schemas).toMatchObject({
      Whole: { properties: { parts: { items: { $ref: '#/components/schemas/Part' } } } },
      Part: inner,
    });
  });

  it('makes an example of each answer, the schema’s own first', () => {
    const answer = document.paths['/things']?.get?.responses['200'] as
      { content?: Record<string, { example?: unknown }> } | undefined;
    expect(answer?.content?.['application/json']?.example).toEqual([
      { id: expect.stringMatching(/^[0-9a-f-]{36}$/), colours: ['red'], 'size in cm': 2 },
    ]);
  });

  it('lets a body be left out of which no field is required', () => {
    const required = (path: string, method: 'post'): unknown =>
      (document.paths[path]?.[method]?.requestBody as { required?: boolean } | undefined)?.required;
    expect(required('/things/{id}', 'post')).toBe(false);
    expect(required('/things', 'post')).toBe(true);
  });

  it('names operations after controller and method', () => {
    expect(document.paths['/things']?.get?.operationId).toBe('thingsAll');
  });

  it('says that a field is one of many of its kind', () => {
    const thing = document.components?.schemas?.['ThingDto'] as unknown as Record<string, Record<string, unknown>>;
    expect(thing['patternProperties']).toEqual({ '^size in ': { type: 'number' } });
    expect(thing['properties']?.['size in cm']).toEqual({ type: 'number', example: 2 });
  });
});
