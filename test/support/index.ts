// Everything that a test starts from.
export { aProject, ask, promptly, until, type AProject, type Answer, type Ask } from './projects';
export { aClickHouseDatabase, aPostgresDatabase, askClickHouse, sharedStores, someStores } from './shared-stores';
export { runServer, spawnServer, untilReady, type Exit, type Run, type SpawnedServer } from './spawned-server';
export { startTestApp, type TestApp, type TestAppOptions } from './test-app';
