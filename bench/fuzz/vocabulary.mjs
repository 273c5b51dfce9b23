// Which words does a schema of "a text" not tell? Metrics, dimensions, filters, ranges: what a person would read in the description beside it.
import fc from 'fast-check';

const DAY_MS = 86_400_000;
const dayAgo = (days) => new Date(Date.now() - days * DAY_MS).toISOString();

export const EVENT_NAMES = ['pageview', 'signup', 'purchase', 'invite'];
export const PROPERTY_KEYS = ['plan', 'seats', 'trial', 'price'];
// prettier-ignore
const METRICS = [
  'visitors', 'sessions', 'pageviews', 'events', 'viewsPerSession', 'bounceRate', 'sessionDuration', 'revenue',
  'uniqueEvents', 'entries', 'exits', 'timeOnPage', 'conversions', 'conversionRate', 'goalRevenue',
  ...['sum', 'avg', 'min', 'max', 'p50', 'p99', 'uniq'].map((figure) => `${figure}(property:price)`),
];
// prettier-ignore
const DIMENSIONS = [
  'page', 'hostname', 'entryPage', 'exitPage', 'title', 'referrer', 'source', 'channel', 'utmSource', 'utmMedium',
  'utmCampaign', 'utmTerm', 'utmContent', 'country', 'region', 'city', 'browser', 'browserVersion', 'os',
  'osVersion', 'device', 'screen', 'language', 'event', 'goal', 'visitor', 'property:plan', 'property:price',
];
const INTERVALS = ['minute', 'hour', 'day', 'week', 'month'];

const one = (words) => fc.constantFrom(...words);
const some = (words, { min = 1, max = 4 } = {}) =>
  fc.uniqueArray(one(words), { minLength: Math.min(min, words.length), maxLength: max });

/** Words of a filter: what a dimension can be. */
const filterValue = fc.oneof(
  one(['DE', 'Chrome', '/pricing', 'signup', 'pro', 'https', '']),
  fc.integer({ min: -5, max: 1_000 }),
  fc.boolean(),
  fc.string({ maxLength: 12 }),
);
const leaf = fc.oneof(
  fc.tuple(
    one(['is', 'isNot', 'contains', 'notContains', 'startsWith', 'endsWith', 'matches', 'notMatches']),
    one(DIMENSIONS),
    fc.array(filterValue.map(String), { minLength: 1, maxLength: 3 }),
  ),
  fc.tuple(one(['gt', 'gte', 'lt', 'lte']), one(['property:price', 'property:seats']), fc.tuple(fc.integer())),
  fc.tuple(one(['exists', 'notExists']), one(DIMENSIONS)),
  fc.tuple(one(['is', 'gt', 'contains']), one([...DIMENSIONS, 'nonsense']), fc.array(filterValue, { maxLength: 3 })),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.tuple(fc.constant('not'), tie('tree')),
    fc.tuple(fc.constant('did'), leaf),
    fc
      .tuple(one(['and', 'or']), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }))
      .map(([both, parts]) => [both, ...parts]),
  ),
}));

const date = fc.integer({ min: 0, max: 40 }).map((days) => dayAgo(days).slice(0, 10));
const order = fc.tuple(one(METRICS), one(['asc', 'desc'])).map(([metric, way]) => `${metric}:${way}`);
const zone = one(['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia']);
/** A name that nothing has yet. */
const newName = fc.uuid().map((id) => `made ${id.slice(0, 13)}`);
const page = one(['/pricing', '/blog/**', '/*', '/shop/{shoes,hats}/?', '**']);
const compare = fc.oneof(
  one(['previous', 'year']),
  fc.tuple(date, date).map((both) => both.toSorted().join('..')),
);

/** The same word wherever it stands, in a query or in a body. */
const anywhere = {
  name: newName,
  names: some(EVENT_NAMES),
  event: one(EVENT_NAMES),
  startEvent: one(EVENT_NAMES),
  returnEvent: one(EVENT_NAMES),
  page,
  startPage: page,
  returnPage: page,
  metric: one(METRICS.filter((metric) => !/evenue/.test(metric))),
  metrics: some(METRICS),
  dimension: one(DIMENSIONS),
  dimensions: some([...DIMENSIONS, 'time:day', 'time:hour', 'time'], { min: 0, max: 3 }),
  breakdown: one(DIMENSIONS),
  interval: one(INTERVALS),
  order,
  orderBy: fc.uniqueArray(order, { maxLength: 2 }),
  compare,
  timezone: zone,
  filters: tree,
  groups: one([
    [['/blog/**', 'Blog']],
    [
      ['/shop/**', 'Shop'],
      ['/**', 'Rest'],
    ],
  ]),
  start: one(['/pricing', '/', 'signup']),
  end: one(['/pricing', '/', 'purchase']),
  around: one(['/pricing', 'signup']),
  sessionId: one(['s1', 's2', 'none']),
  visitorId: one(['visitor 1', 'visitor 2', 'visitor 3', 'none']),
  userId: one(['user 1', 'user 2', 'none']),
  currency: one(['EUR', 'USD', 'GBP']),
  key: one(PROPERTY_KEYS),
  holdConstant: some(PROPERTY_KEYS, { min: 0, max: 2 }),
  search: one(['a', 'shop', 'Chr', 'pro', '%', '_']),
  code: one(['invalid_event', 'invalid_field', 'too_old']),
  domains: some(['www.example.com', 'shop.example'], { min: 0 }),
  excludedIps: some(['192.0.2.0/24', '2001:db8::/32', '10.1.2.3'], { min: 0 }),
  excludedCountries: some(['AQ', 'DE'], { min: 0 }),
  excludedPaths: some(['/admin/**', '/internal'], { min: 0 }),
  expiresAt: fc.integer({ min: 1, max: 300 }).map((days) => dayAgo(-days)),
  'Cache-Control': one(['no-store', 'no-cache', 'max-age=0']),
  'Last-Event-ID': one(['1', 'abc', '0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a11']),
};

/** Words that mean something else in one place: `Component.property` or `operationId.parameter`. */
const inPlace = {
  'Event.name': one(EVENT_NAMES),
  'Event.timestamp': fc.integer({ min: 0, max: 86_400_000 }).map((back) => Date.now() - back),
  'eventsReadList.name': one(EVENT_NAMES),
  'eventsReadExport.name': one(EVENT_NAMES),
  'GoalValueDto.amount': one(['12.50', '0', '-3']),
  'GoalValueDto.property': one(PROPERTY_KEYS),
  'StepInput.name': one(['First', 'Second', 'Third']),
  'projectsGetUsage.from': date,
  'projectsGetUsage.to': date,
  'retentionRetention.interval': one(['day', 'week', 'month']),
  'BackfillDto.from': fc.oneof(date, fc.constant(dayAgo(3))),
  'BackfillDto.to': fc.oneof(date, fc.constant(dayAgo(1))),
};

/** What is known of a field. @returns an arbitrary; undefined where its schema says it all */
export const wordOf = (place, key) =>
  inPlace[`${place}.${key}`] ?? (Object.hasOwn(anywhere, key) ? anywhere[key] : undefined);

/** A range of time, as queries and bodies have it. */
export const range = fc.oneof(
  { weight: 6, arbitrary: one(['today', '24h', '7d', '30d', 'month', 'all']).map((period) => ({ period })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(date, date)
      .map((both) => both.toSorted())
      .map(([from, to]) => ({ from, to })),
  },
  { weight: 1, arbitrary: fc.constant({ from: dayAgo(9), to: dayAgo(2) }) },
  { weight: 1, arbitrary: fc.constant({ from: dayAgo(2).slice(0, 10) }) },
  { weight: 1, arbitrary: fc.constant({ period: '7d', from: dayAgo(2).slice(0, 10) }) },
  { weight: 1, arbitrary: fc.constant({}) },
);

const without = (value, ...keys) => Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
/** Keeps the first of some fields that exclude each other, and gives one where there is none. */
const oneOfFields = (value, keys, otherwise) => {
  const kept = keys.find((key) => value[key] !== undefined && value[key] !== null);
  return kept === undefined ? { ...value, ...otherwise } : without(value, ...keys.filter((key) => key !== kept));
};

const tidiers = {
  StepInput: (step) => ({
    ...without(oneOfFields(step, ['event', 'page'], { event: 'signup' }), 'goal', 'optional'),
    filters: ['is', 'country', ['DE']],
  }),
  ExclusionInput: (end) => ({
    ...without(oneOfFields(end, ['event', 'page'], { event: 'invite' }), 'goal'),
    filters: ['is', 'country', ['DE']],
    fromStep: 1,
    toStep: 2,
  }),
  GoalValueDto: (value) => oneOfFields(value, ['amount', 'property'], { amount: '1' }),
  CreateGoalDto: (goal) => ({
    ...oneOfFields(goal, ['event', 'page'], { event: 'signup' }),
    filters: ['is', 'event', ['signup']],
  }),
  CreateAlertDto: (alert) => ({
    ...alert,
    filters: ['is', 'event', ['signup']],
    threshold: Math.abs(alert.threshold) + 1,
  }),
  CreateKeyDto: (key) => ({ ...without(key, 'scopes'), ...(key.kind === 'pub' ? { scopes: ['events:write'] } : {}) }),
  StatsQueryDto: (query) => ({
    ...without(query, 'cursor', 'orderBy', 'from', 'to', 'compare', 'interval'),
    ...(query.dimensions?.includes('time') ? { interval: query.interval ?? 'day' } : {}),
    filters: ['is', 'event', ['signup']],
  }),
  FunnelQueryDto: (query) => ({
    ...without(query, 'from', 'to', 'attribution', 'attributionStep', 'exclusions', 'compare', 'breakdown'),
    filters: ['is', 'country', ['DE']],
  }),
  IdentifyDto: (wish) => without(wish, 'add'),
};

/** Makes most generated objects keep the rules between fields, which no schema tells: one of `event` and `page`, … */
export const tidied = (name, value) => (tidiers[name] === undefined ? value : tidiers[name](value));

const withoutParameters = (query, ...names) => query.filter(([name]) => !names.includes(name));

const queryTidiers = {
  retentionRetention: (query) =>
    withoutParameters(query, 'startPage', 'startGoal', 'returnPage', 'returnGoal', 'breakdown'),
  journeysJourneys: (query) => withoutParameters(query, 'end', 'around'),
  funnelStatsOfSaved: (query) => withoutParameters(query, 'attribution', 'attributionStep', 'revision'),
  funnelStatsVisitors: (query) => withoutParameters(query, 'dropped', 'revision', 'state'),
};

/** The same for the parameters of an operation. @param {[string, unknown][]} query */
export const tidiedQuery = (id, query) => (queryTidiers[id] === undefined ? query : queryTidiers[id](query));
