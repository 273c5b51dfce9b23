// Does an odd request get past a guard, or two for one? Lengths that contradict each other, folded headers, other spellings of a path, methods that
// nobody has, all over raw sockets: the verdict has to be that of the plain request.
import { head, speak, withBody } from './hostile-socket.mjs';

const GUARDED = '/api/v1/projects';
const EVENTS = '/api/v1/events';
const REFUSED = [400, 401, 403, 404, 405, 414, 417, 431, 501, 505, 0];

/** Other spellings of a guarded path. None may show what the plain one hides. */
const SPELLINGS = [
  '//api/v1/projects',
  '/api//v1/projects',
  '/api/v1//projects',
  '/api/v1/projects/',
  '/api/v1/projects//',
  '/api/v1/./projects',
  '/api/v1/x/../projects',
  '/api/v1/%2e%2e/v1/projects',
  '/%2e%2e/api/v1/projects',
  '/api%2fv1%2fprojects',
  '/api/v1/%70rojects',
  '/API/V1/PROJECTS',
  '/api/v1/projects%20',
  '/api/v1/projects%00',
  '/api/v1/projects;x=1',
  '/api/v1/projects%3f',
  '/api/v1/projects?',
  '/api/v1/projects#x',
  '/api/v1/projects%23',
  '/health/live/../../api/v1/projects',
  '/docs/../api/v1/projects',
  '/docs/%2e%2e/api/v1/projects',
  '/docs/..%2f..%2fpackage.json',
  '/docs/%2e%2e%2f%2e%2e%2fpackage.json',
  '/metrics/../api/v1/projects',
  '\\api\\v1\\projects',
  '/api/v1\\projects',
  'http://localhost/api/v1/projects',
  'http://evil.example/api/v1/projects',
  'https://localhost/api/v1/projects',
  'api/v1/projects',
  '*',
  '/api/v1/projects\t',
  '/\u00ff\u00fe',
  '/%ff%fe',
  '/%',
  '/api/v1/projects/%',
];

export const oddities = {
  number: 36,
  name: 'oddities',
  async run(world) {
    const root = { 'X-API-Key': world.server.rootKey };
    const { id } = world.project;
    const hidden = (what, { answers }) => {
      for (const { body } of answers)
        if (body.includes('"name":"attacked"') || body.includes('"keys"'))
          world.fault(`${what}: shows what is guarded`);
    };
    await world.send('the plain request without a key', head('GET', GUARDED), [401]);
    await world.send('the plain request with its key', head('GET', GUARDED, root), [200]);
    for (const path of SPELLINGS) hidden(path, await world.send(`without a key: ${path}`, head('GET', path), REFUSED));
    // With the wrong key of a kind that may not: the same.
    for (const path of SPELLINGS.slice(0, 20))
      hidden(
        path,
        await world.send(
          `with a key that may not: ${path}`,
          head('GET', path, { 'X-API-Key': world.project.pub }),
          REFUSED,
        ),
      );
    for (const path of [
      GUARDED,
      `${GUARDED}/${id}`,
      '/api/v1/events',
      '/api/v1/events/export?period=all',
      '/api/v1/stats/overview?period=7d',
      '/api/v1/realtime/stream',
      '/api/v1/audit',
    ]) {
      for (const method of [
        'HEAD',
        'OPTIONS',
        'TRACE',
        'CONNECT',
        'PROPFIND',
        'PURGE',
        'SEARCH',
        'LINK',
        'M-SEARCH',
        'get',
        'FOO',
        'QUERY',
      ])
        hidden(`${method} ${path}`, await world.send(`${method} ${path}`, head(method, path), REFUSED));
      await world.send(
        `HEAD with a key that may not ${path}`,
        head('HEAD', path, { 'X-API-Key': world.project.pub }),
        [401, 403, 404, 400],
      );
      for (const name of ['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])
        hidden(
          name,
          await world.send(
            `${name} ${path}`,
            head('POST', path, { [name]: 'GET', 'Content-Length': '0' }),
            REFUSED.concat(415),
          ),
        );
      for (const name of ['X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Path', 'X-Forwarded-Prefix'])
        hidden(name, await world.send(`${name} ${path}`, head('GET', '/nowhere', { [name]: path }), [404]));
    }
    for (const [what, headers] of /** @type {[string, object][]} */ ([
      ['no key', {}],
      ['an empty key', { 'X-API-Key': '' }],
      ['a key with a blank in it', { 'X-API-Key': 'a b' }],
      ['two keys', { 'X-API-Key': [world.server.rootKey, 'wrong'] }],
      ['two different headers', { 'X-API-Key': 'wrong', Authorization: `Bearer ${world.server.rootKey}` }],
      ['two Authorizations', { Authorization: ['Bearer wrong', `Bearer ${world.server.rootKey}`] }],
      ['basic', { Authorization: `Basic ${Buffer.from(`x:${world.server.rootKey}`).toString('base64')}` }],
      ['a key in the address', {}],
      ['a key of 15 kB', { 'X-API-Key': 'mr_sec_'.padEnd(15_000, 'a') }],
      ['a key in latin1', { 'X-API-Key': '\u00e9'.repeat(40) }],
      ['"undefined"', { 'X-API-Key': 'undefined' }],
      ['__proto__', { 'X-API-Key': '__proto__', 'X-Project-Id': '__proto__' }],
    ]))
      await world.send(
        what,
        Buffer.from(
          head('GET', what === 'a key in the address' ? `${GUARDED}?key=${world.server.rootKey}` : GUARDED, headers),
          'latin1',
        ),
        [401, 400],
      );

    // Two lengths: whoever reads the one and whoever reads the other would see different requests.
    const hide = 'GET /api/v1/projects HTTP/1.1\r\nHost: a\r\n\r\n';
    const json = { 'X-API-Key': world.project.sec, 'Content-Type': 'application/json', Connection: 'keep-alive' };
    for (const [what, headers, body] of /** @type {[string, object, string][]} */ ([
      ['length and chunks', { 'Content-Length': '6', 'Transfer-Encoding': 'chunked' }, `0\r\n\r\n${hide}`],
      [
        'chunks and length',
        { 'Transfer-Encoding': 'chunked', 'Content-Length': String(5 + hide.length) },
        `0\r\n\r\n${hide}`,
      ],
      ['two lengths', { 'Content-Length': ['2', String(2 + hide.length)] }, `{}${hide}`],
      ['chunked twice', { 'Transfer-Encoding': ['chunked', 'identity'] }, `0\r\n\r\n${hide}`],
      ['chunked, and not', { 'Transfer-Encoding': 'chunked, identity' }, `0\r\n\r\n${hide}`],
      ['xchunked', { 'Transfer-Encoding': 'xchunked' }, `0\r\n\r\n${hide}`],
      ['a blank before the colon', { 'Transfer-Encoding ': 'chunked', 'Content-Length': '2' }, `{}${hide}`],
      ['a tab behind chunked', { 'Transfer-Encoding': '\tchunked\t', 'Content-Length': '2' }, `0\r\n\r\n${hide}`],
      ['a length with a plus', { 'Content-Length': '+2' }, `{}${hide}`],
      ['a folded header', { 'X-A': 'b\r\n Transfer-Encoding: chunked', 'Content-Length': '2' }, `{}`],
      ['a bare line feed', { 'X-A': 'b\nTransfer-Encoding: chunked', 'Content-Length': '2' }, `{}${hide}`],
      ['a bare carriage return', { 'X-A': 'b\rTransfer-Encoding: chunked', 'Content-Length': '2' }, `{}`],
      ['NUL in a header', { 'X-A': 'b\0c', 'Content-Length': '2' }, `{}`],
    ])) {
      const said = await speak(world.port, [head('POST', EVENTS, { ...json, ...headers }), body], {
        waitMs: 3_000,
        until: (text) => (text.match(/HTTP\/1\.1 \d/g) ?? []).length > 1,
      });
      world.judge(what, said.answers[0], [400, 415, 501, 0]);
      hidden(what, said);
      if (said.answers.some(({ status }) => status < 300)) world.fault(`${what}: a hidden request was served`);
      // A second answer would be one to the request that was hidden: refused for its key, yet read.
      if (said.answers[1]?.status === 401) world.fault(`${what}: the hidden request was read`);
    }
    const event = '{"name":"odd","visitorId":"a"}';
    for (const type of [
      'application/json\t',
      'application/json ;charset=utf-8',
      'APPLICATION/JSON',
      'application/json;',
      ' application/json',
      'text/plain',
      'text/plain;charset=UTF-8',
    ])
      await world.send(
        `Content-Type: ${JSON.stringify(type)}`,
        withBody('POST', EVENTS, { 'X-API-Key': world.project.sec, 'Content-Type': type }, event),
        [200, 415],
      );
    for (const type of [
      'application/jsonx',
      'application/json, text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      'text/html',
      'json',
      '',
      '*/*',
      'application/json\u00e9',
      `application/${'x'.repeat(5_000)}`,
    ])
      await world.send(
        `Content-Type: ${JSON.stringify(type).slice(0, 60)}`,
        withBody('POST', EVENTS, { 'X-API-Key': world.project.sec, 'Content-Type': type }, event),
        [415, 400],
      );
    for (const type of [
      'application/json\t',
      ' application/json',
      'application/json ;',
      'text/plain',
      'application/jsonx',
    ])
      await world.send(
        `a project as ${JSON.stringify(type)}`,
        withBody('POST', GUARDED, { ...root, 'Content-Type': type }, '{"nmae":1}'),
        [400, 415],
      );

    for (const [what, text, allowed] of /** @type {[string, string | Uint8Array, number[]][]} */ ([
      ['no Host', 'GET /api/v1/projects HTTP/1.1\r\nConnection: close\r\n\r\n', [400]],
      ['HTTP/1.0', 'GET /api/v1/projects HTTP/1.0\r\n\r\n', [401]],
      ['HTTP/0.9', 'GET /api/v1/projects\r\n\r\n', [400, 401, 0]],
      ['HTTP/2.0', 'GET /api/v1/projects HTTP/2.0\r\nHost: a\r\n\r\n', [400, 401, 505, 0]],
      ['HTTP/9.9', 'GET /api/v1/projects HTTP/9.9\r\nHost: a\r\n\r\n', [400, 401, 505, 0]],
      ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 405, 505, 0]],
      ['TLS', Buffer.from('160301020001000001fc0303', 'hex'), [400, 405, 0]],
      [
        'a websocket',
        head('GET', GUARDED, {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'Sec-WebSocket-Version': '13',
        }),
        [401, 400, 0],
      ],
      [
        'h2c',
        head('GET', GUARDED, { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': '' }),
        [401, 400, 0],
      ],
      [
        'an expectation that nobody has',
        head('POST', EVENTS, { Expect: 'miracles', 'Content-Length': '0' }),
        [417, 400, 401],
      ],
      ['a range', head('GET', GUARDED, { Range: 'bytes=0-0,5-9999999999' }), [401]],
      ['a blank line first', `\r\n\r\n${head('GET', GUARDED)}`, [401]],
      [
        'blanks in the request line',
        'GET  /api/v1/projects  HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        [400, 401, 0],
      ],
      [
        'filters as deep as an address allows',
        head(
          'GET',
          `/api/v1/stats/overview?period=7d&filters=${encodeURIComponent('['.repeat(2_500) + ']'.repeat(2_500))}`,
          { 'X-API-Key': world.project.sec },
        ),
        [400],
      ],
      [
        'filters as wide as an address allows',
        head(
          'GET',
          `/api/v1/stats/overview?period=7d&filters=${encodeURIComponent(`["and",${'["is","page",["a"]],'.repeat(200)}["is","page",["a"]]]`)}`,
          { 'X-API-Key': world.project.sec },
        ),
        [200, 400, 431],
      ],
    ]))
      await world.send(what, text, allowed, { waitMs: 40_000 });

    // Many at once on one connection: each has its own answer, in order.
    const many = world.short ? 200 : 2_000;
    const pipeline = Array.from({ length: many }, (_, at) =>
      head('GET', at % 2 === 0 ? GUARDED : '/health/live', { Connection: at === many - 1 ? 'close' : 'keep-alive' }),
    ).join('');
    const { answers } = await speak(world.port, pipeline, { waitMs: 60_000 });
    // All are in work at once, and one caller's may be too many.
    const wrong = answers.flatMap(({ status }, at) =>
      [at % 2 === 0 ? 401 : 200, 429, 503].includes(status) ? [] : [status],
    );
    world.report.requests += many;
    if (answers.length !== many || wrong.length > 0)
      world.fault(
        `of ${many} requests on one connection ${answers.length} were answered, wrongly with ${[...new Set(wrong)].join(', ')}`,
      );
    if (answers.some(({ status, headers }) => status >= 429 && !headers.has('retry-after')))
      world.fault('one of many requests on one connection is refused without Retry-After');
  },
};
