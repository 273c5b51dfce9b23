// What do tests of the reading routes start from? The routes on a real warehouse, with projects that need no keys.
import { Global, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Clock } from '../../src/common/clock';
import { ConfigModule } from '../../src/config/config.module';
import { Env, readEnv, StoreUrls } from '../../src/config/env';
import { encodeRow, eventColumns, type EventRow, hexToUInt64 } from '../../src/events/pipeline';
import { emptyRow } from '../../src/events/pipeline/event-row';
import { EventsReadModule } from '../../src/events/read/events-read.module';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { makeAdapter } from '../../src/platform/http/fastify';
import { ProblemFilter } from '../../src/platform/http/problem.filter';
import { makeValidationPipe } from '../../src/platform/http/validation.pipe';
import { makeLogger } from '../../src/platform/logging/logger';
import type { Project } from '../../src/projects/projects.types';
import { aClickHouseDatabase } from '../support';

const projects = new Map<string, Project>();

/** Stands for the real guard: who is asking is said by a header. */
class TestGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const project = projects.get(String(request.headers['x-test-project']));
    if (project !== undefined) request.auth = { key: { id: 'k', kind: 'sec', scopes: ['events:read'] }, project };
    return true;
  }
}

@Global()
@Module({
  providers: [
    Clock,
    {
      provide: ClickHouse,
      inject: [Env, StoreUrls],
      useFactory: (env: Env, urls: StoreUrls): ClickHouse => new ClickHouse(env, urls),
    },
    { provide: APP_GUARD, useClass: TestGuard },
  ],
  exports: [Clock, ClickHouse],
})
class TestModule {}

/** The routes, served. */
export interface ReadApp {
  readonly url: string;
  readonly clickhouse: ClickHouse;
  close(): Promise<void>;
}

/** Starts the routes on a warehouse of their own, or on the one of a URL. */
export async function startReadApp(storeUrl?: string): Promise<ReadApp> {
  const clickhouseUrl = storeUrl ?? (await aClickHouseDatabase());
  if (storeUrl === undefined) await migrateClickHouse(clickhouseUrl, undefined);
  const env = readEnv({ LOG_LEVEL: 'silent' });
  const log = makeLogger('silent');
  const imports = [ConfigModule.forRoot(env, new StoreUrls('', clickhouseUrl)), TestModule, EventsReadModule];
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: class Root {}, imports },
    makeAdapter(env, log),
    {
      logger: false,
      abortOnError: false,
      bodyParser: false,
    },
  );
  app.useGlobalPipes(makeValidationPipe());
  app.useGlobalFilters(new ProblemFilter(log));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, clickhouse: app.get(ClickHouse), close: () => app.close() };
}

let projectNumbers = 0;

/** What a row is made of: hashes as 16 hexadecimal digits, properties as values. */
export interface RowParts extends Partial<Omit<EventRow, 'visitor_id' | 'user_id' | 'session_id' | 'properties'>> {
  visitor?: string;
  user?: string;
  session?: string;
  properties?: Record<string, unknown>;
}

/** A project with events in the warehouse of an app. */
export class ReadProject {
  readonly project: Project;

  constructor(
    readonly app: ReadApp,
    timezone = 'UTC',
  ) {
    projectNumbers += 1;
    this.project = {
      id: randomUUID(),
      number: projectNumbers,
      name: 'p',
      timezone,
      domains: [],
      settings: {
        retentionDays: null,
        excludedIps: [],
        excludedCountries: [],
        excludedPaths: [],
        botPolicy: 'mark',
        rateLimit: null,
        allowedOrigins: [],
        storeIp: false,
      },
      secret: randomBytes(32),
      createdAt: 0,
      updatedAt: 0,
    };
    projects.set(this.project.id, this.project);
  }

  /** Stores events. @returns their ids, in the order given */
  async store(...parts: RowParts[]): Promise<string[]> {
    const rows = parts.map(({ visitor, user, session, properties = {}, ...row }): EventRow => ({
      ...emptyRow(this.project.number, row.ts ?? Date.now()),
      event_id: randomUUID(),
      name: 'pageview',
      ...row,
      visitor_id: hexToUInt64(visitor ?? '00000000000000a1'),
      user_id: hexToUInt64(user ?? '0'),
      session_id: hexToUInt64(session ?? '0'),
      properties: Object.entries(properties).map(([key, value]) => [key, JSON.stringify(value)] as const),
    }));
    await this.app.clickhouse.insert({
      table: 'events',
      columns: eventColumns,
      body: rows.map((row) => `${encodeRow(row)}\n`).join(''),
      token: randomUUID(),
    });
    return rows.map(({ event_id }) => event_id);
  }

  /** Asks a route under /events. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.app.url}/events${path}`, {
      ...init,
      headers: { 'x-test-project': this.project.id, ...(init.headers as Record<string, string>) },
    });
  }

  /** The JSON of a 200. */
  async get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const answer = await this.fetch(`${path}?${new URLSearchParams(query).toString()}`);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}
