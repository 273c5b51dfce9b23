// Who may import whom? The house's rules, checked by `npm run boundaries`.
const features = 'auth|projects|events|visitors|stats|funnels|goals|realtime|aggregation|health|alerts';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that need each other are one file, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'common-knows-nobody',
      comment: 'common has no I/O and no features; of the tools it uses those that describe input.',
      severity: 'error',
      from: { path: '^src/common/' },
      to: { path: '^src/(?!common/)' },
    },
    {
      name: 'config-knows-common-only',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/(?!config/|common/)' },
    },
    {
      name: 'platform-knows-no-feature',
      severity: 'error',
      from: { path: '^src/platform/', pathNot: '[.]spec[.]ts$' },
      to: { path: `^src/(${features}|embedded|cli)/` },
    },
    {
      name: 'features-by-their-door',
      comment: "A feature's index.ts is the only file that another feature may import.",
      severity: 'error',
      from: { path: `^src/(${features})/` },
      to: {
        path: `^src/(${features})/`,
        // What auth asks of routes, and the shapes of rows, are for all; both hold no behaviour.
        pathNot: [
          '^src/$1/',
          '/index[.]ts$',
          '^src/auth/(decorators|auth[.]types|local-access)[.]ts$',
          '[.](schema|types)[.]ts$',
        ],
      },
    },
    {
      name: 'one-way-between-features',
      comment: 'Statistics and what stands on them know events; events know projects and keys; those know nobody.',
      severity: 'error',
      from: { path: '^src/(auth|projects)/' },
      to: { path: '^src/(events|visitors|stats|funnels|goals|realtime|aggregation|health)/' },
    },
    {
      name: 'events-know-no-reader',
      severity: 'error',
      from: { path: '^src/events/' },
      to: { path: '^src/(visitors|stats|funnels|goals|realtime|aggregation|health)/' },
    },
    {
      name: 'aggregation-knows-no-reader',
      comment: 'Statistics ask what is derived; deriving knows events and projects only.',
      severity: 'error',
      from: { path: '^src/aggregation/' },
      to: { path: '^src/(visitors|stats|funnels|goals|realtime|health)/' },
    },
    {
      name: 'goals-know-no-reader',
      comment: 'Statistics and funnels look goals up; a goal knows what events are, and nobody who asks.',
      severity: 'error',
      from: { path: '^src/goals/' },
      to: { path: '^src/(visitors|stats|funnels|realtime|aggregation|health)/' },
    },
    {
      name: 'stats-know-no-funnels',
      comment: 'Funnels use what every question about a range has in common; never the other way round.',
      severity: 'error',
      from: { path: '^src/stats/' },
      to: { path: '^src/(visitors|funnels|realtime|health)/' },
    },
    {
      name: 'nobody-knows-alerts',
      comment: 'Alerts ask statistics and tell the outside; nothing in here waits for them.',
      severity: 'error',
      from: { path: `^src/(${features})/`, pathNot: '^src/alerts/' },
      to: { path: '^src/alerts/' },
    },
    {
      name: 'health-knows-platform',
      severity: 'error',
      from: { path: '^src/health/' },
      to: { path: `^src/(${features})/`, pathNot: ['^src/health/', '^src/auth/decorators[.]ts$'] },
    },
    {
      name: 'stores-are-servers',
      comment:
        'The embedded stores are reached by URL; only who starts the server, a command or a test knows that they are ours.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main[.]ts|cli/|embedded/)' },
      to: { path: '^src/embedded/' },
    },
    {
      name: 'embedded-knows-no-feature',
      severity: 'error',
      from: { path: '^src/embedded/', pathNot: '[.]spec[.]ts$' },
      to: { path: '^src/(?!embedded/|config/|common/|platform/logging/)' },
    },
    {
      name: 'controllers-ask-services',
      severity: 'error',
      from: { path: '[.](controller|processor)[.]ts$' },
      to: { path: '[.]repository[.]ts$' },
    },
    {
      name: 'repositories-know-no-service',
      severity: 'error',
      from: { path: '[.]repository[.]ts$' },
      to: { path: '[.](service|controller)[.]ts$' },
    },
    {
      name: 'pure-core',
      comment: 'Queries, the pipeline and the mathematics are pure: no Nest, no client, no configuration.',
      severity: 'error',
      from: {
        path: '([.]queries|[.]pipeline|[.]math)[.]ts$|^src/events/pipeline/|^src/platform/clickhouse/sql[.]ts$',
        pathNot: '[.]spec[.]ts$',
      },
      to: {
        path: '^node_modules/(@nestjs|@clickhouse|pg|bullmq|drizzle-orm|fastify|pino)/|^src/config/|^src/embedded/|[.](service|repository|module|controller)[.]ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'sources-need-no-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '[.]spec[.]ts$' },
      to: { path: '^test/|[.]spec[.]ts$' },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '[.]spec[.]ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-the-composition-knows-all',
      comment: 'app.module.ts knows every feature, app.ts builds it, main.ts and commands start it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main[.]ts|app[.]ts|cli/)' },
      to: { path: '^src/(app[.]module|app|main)[.]ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
