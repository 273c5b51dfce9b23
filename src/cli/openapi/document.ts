// What does the API promise, as a text? Made from the routes alone: no store is needed for it.
import 'reflect-metadata';
import { buildApp } from '../../app';
import { LocalAccess } from '../../auth/local-access';
import { Env, StoreUrls } from '../../config/env';
import { openApiDocument } from '../../platform/http/openapi';
import { makeLogger } from '../../platform/logging/logger';

/** The document, as it is committed. */
export async function openApiText(): Promise<string> {
  const app = await buildApp({
    env: new Env(),
    urls: new StoreUrls('postgres://nowhere.invalid/', 'http://nowhere.invalid/'),
    local: new LocalAccess(''),
    log: makeLogger('silent'),
    preview: true,
  });
  return `${JSON.stringify(openApiDocument(app), null, 2)}\n`;
}
