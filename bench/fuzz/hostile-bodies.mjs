// Do size and compression hurt? Giant bodies, lengths that lie, headers without end, and bodies that unpack to a thousand times their size.
import { deflateRawSync, deflateSync, gzipSync, brotliCompressSync } from 'node:zlib';
import { chunked, head, speak, withBody } from './hostile-socket.mjs';

const MB = 1_048_576;
const BATCH = '/api/v1/events/batch';
const JSON_TYPE = { 'Content-Type': 'application/json' };

function* zeros(megabytes) {
  const piece = Buffer.alloc(65_536, 0x20);
  for (let at = 0; at < megabytes * 16; at++) yield piece;
}

/** Giant bodies and headers. */
export const sizes = {
  number: 32,
  name: 'sizes',
  async run(world) {
    const root = { ...JSON_TYPE, 'X-API-Key': world.server.rootKey };
    const sec = { ...JSON_TYPE, 'X-API-Key': world.project.sec };
    const over = JSON.stringify({ name: 'a'.repeat(MB) });
    await world.send('a byte more than 1 MiB', withBody('POST', '/api/v1/projects', root, over), [413]);
    await world.send('11 MB of events', withBody('POST', BATCH, sec, Buffer.alloc(11 * MB, 0x20)), [413, 0]);
    const long = world.short ? 30 : 100;
    await world.costs(`${long} MB in chunks`, { moreMb: 80, loopMs: 250 }, () =>
      world.send(`${long} MB in chunks`, () => chunked('POST', BATCH, sec, zeros(long)), [413, 0]),
    );
    await world.costs(`${long} MB in chunks, without a key`, { moreMb: 80, loopMs: 250 }, () =>
      world.send(
        'chunks without a key',
        () => chunked('POST', '/api/v1/projects', JSON_TYPE, zeros(long)),
        [413, 401, 0],
      ),
    );
    for (const length of ['1e3', '-1', '0x10', '99999999999999999999', '5, 5', ' '])
      await world.send(
        `Content-Length: ${length}`,
        [head('POST', BATCH, { ...sec, 'Content-Length': length }), '{}   '],
        [400, 413],
      );
    await world.send(
      'a length that promises 10 GB',
      [head('POST', BATCH, { ...sec, 'Content-Length': '10000000000' }), '{'],
      [413],
    );
    // What comes behind the body's length is another request, or none.
    const more = await speak(world.port, [
      head('POST', BATCH, { ...sec, Connection: 'keep-alive', 'Content-Length': '2' }),
      '{}GARBAGE\r\n\r\n',
    ]);
    world.judge('a body longer than its length', more.answers[0], [400]);
    world.judge('what stands behind it', more.answers[1], [400, 405, 0]);
    await world.send(
      'a chunk whose size is no number',
      [head('POST', BATCH, { ...sec, 'Transfer-Encoding': 'chunked' }), 'zz\r\n{}\r\n0\r\n\r\n'],
      [400],
    );
    await world.send(
      'a chunk of 2^60 bytes',
      [
        head('POST', BATCH, { ...sec, 'Transfer-Encoding': 'chunked' }),
        'fffffffffffffff\r\n',
        Buffer.alloc(12 * MB, 0x20),
      ],
      [400, 413, 0],
    );
    await world.send(
      'chunk extensions of 1 MB',
      [head('POST', BATCH, { ...sec, 'Transfer-Encoding': 'chunked' }), `2;${'a'.repeat(MB)}\r\n{}\r\n0\r\n\r\n`],
      [400, 413, 0],
    );
    await world.send('a path of 100 kB', head('GET', `/api/v1/${'a'.repeat(100_000)}`), [414, 431, 0]);
    await world.send(
      'a query of 15 kB',
      head('GET', `/api/v1/projects?${'a'.repeat(15_000)}`, { 'X-API-Key': world.server.rootKey }),
      [400],
    );
    await world.send(
      'a query of 3,000 parameters',
      head('GET', `/api/v1/projects?${Array.from({ length: 3_000 }, (_, at) => at.toString(36)).join('&')}`, {
        'X-API-Key': world.server.rootKey,
      }),
      [400],
    );
    await world.send('a header of 100 kB', head('GET', '/health/live', { X: 'a'.repeat(100_000) }), [431, 0]);
    await world.costs('100,000 headers', { moreMb: 50, loopMs: 100 }, () =>
      world.send(
        '100,000 headers',
        head('GET', '/health/live', { X: Array.from({ length: 100_000 }, () => 'y') }),
        [431, 0],
      ),
    );
    await world.send(
      '3,000 headers in 15 kB',
      head('GET', '/health/live', { X: Array.from({ length: 3_000 }, () => '') }),
      [200, 400, 431],
    );
    await world.send(
      'trailers of 1 MB',
      [head('POST', BATCH, { ...sec, 'Transfer-Encoding': 'chunked' }), `2\r\n{}\r\n0\r\nX: ${'a'.repeat(MB)}\r\n\r\n`],
      [400, 413, 431, 0],
    );
    const parallel = world.short ? 10 : 20;
    await world.costs(`${parallel} x 9.9 MB of blanks at once`, { moreMb: parallel * 40 }, () =>
      Promise.all(
        Array.from({ length: parallel }, () =>
          world.send('9.9 MB of blanks', withBody('POST', BATCH, sec, Buffer.alloc(9.9 * MB, 0x20)), [400, 429, 503]),
        ),
      ),
    );
  },
};

/** Compressed bodies. */
export const compressed = {
  number: 34,
  name: 'compressed',
  async run(world) {
    const sec = { ...JSON_TYPE, 'X-API-Key': world.project.sec };
    const batch = (encoding, body, extra = {}) =>
      withBody('POST', BATCH, { ...sec, 'Content-Encoding': encoding, ...extra }, body);
    const good = JSON.stringify({ events: [{ name: 'packed', visitorId: 'a' }] });
    await world.send('an honest gzip', batch('gzip', gzipSync(good)), [200]);
    await world.send('an honest deflate', batch('deflate', deflateSync(good)), [200]);
    await world.send('GZIP in capitals', batch('GZIP', gzipSync(good)), [200]);
    await world.send(
      'two members in one body',
      batch('gzip', Buffer.concat([gzipSync(good.slice(0, 9)), gzipSync(good.slice(9))])),
      [200],
    );

    const bomb = gzipSync(Buffer.alloc((world.short ? 200 : 1_000) * MB, 0x20), { level: 9 });
    world.note(`  a bomb of ${Math.round(bomb.length / 1_024)} kB`);
    await world.costs('a gzip bomb', { moreMb: 60, loopMs: 250 }, () =>
      world.send('a gzip bomb', batch('gzip', bomb), [413, 0]),
    );
    await world.costs('a deflate bomb', { moreMb: 60, loopMs: 250 }, () =>
      world.send('a deflate bomb', batch('deflate', deflateSync(Buffer.alloc(64 * MB))), [413, 0]),
    );
    const many = world.short ? 10 : 20;
    await world.costs(`${many} bombs at once`, { moreMb: 20 * many }, () =>
      Promise.all(
        Array.from({ length: many }, () => world.send('one of many bombs', batch('gzip', bomb), [413, 429, 503, 0])),
      ),
    );
    await world.costs('a bomb without a key', { moreMb: 60, loopMs: 250 }, () =>
      world.send(
        'a bomb without a key',
        withBody('POST', BATCH, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }, bomb),
        [413, 401, 0],
      ),
    );
    await world.send(
      'a bomb where no compression is taken',
      withBody(
        'POST',
        '/api/v1/projects',
        { ...JSON_TYPE, 'X-API-Key': world.server.rootKey, 'Content-Encoding': 'gzip' },
        bomb,
      ),
      [415, 0],
    );
    await world.send('a bomb within a gzip', batch('gzip', gzipSync(bomb)), [400]);
    // Lines of nothing: small on the wire, and small in memory only where they are not all kept at once.
    const lines = { 'Content-Type': 'application/x-ndjson' };
    for (const [what, line, allowed] of [
      ['ten million empty lines', '\n', [200, 400]],
      ['five million lines of a digit', '1\n', [413]],
      ['three million broken lines', '{"\n', [413]],
      ['one line of ten million letters', 'a', [200]],
    ])
      await world.costs(what, { loopMs: 250, moreMb: 150 }, () =>
        world.send(what, batch('gzip', gzipSync(line.repeat(10_000_000 / line.length)), lines), allowed),
      );

    const packed = gzipSync(good);
    await world.send('a gzip that ends early', batch('gzip', packed.subarray(0, packed.length - 5)), [400]);
    await world.send('a gzip that is its own head', batch('gzip', packed.subarray(0, 10)), [400]);
    const flipped = Buffer.from(packed);
    flipped[flipped.length - 6] ^= 0xff;
    await world.send('a gzip whose sum is wrong', batch('gzip', flipped), [400]);
    await world.send(
      'a gzip with garbage behind it',
      batch('gzip', Buffer.concat([packed, Buffer.from('garbage')])),
      [200, 400],
    );
    await world.send('plain text that says gzip', batch('gzip', good), [400]);
    await world.send('nothing that says gzip', batch('gzip', ''), [400]);
    await world.send('deflate without its head', batch('deflate', deflateRawSync(good)), [400]);
    await world.send(
      'deflate with a dictionary',
      batch('deflate', deflateSync(good, { dictionary: Buffer.from('events') })),
      [400],
    );
    for (const encoding of [
      'br',
      'zstd',
      'compress',
      'gzip, gzip',
      'gzip, br',
      'br, gzip',
      'identity, gzip',
      'x-gzip',
      'nonsense',
      'gzip;q=1',
    ])
      await world.send(`Content-Encoding: ${encoding}`, batch(encoding, brotliCompressSync(good)), [415]);
    await world.send('an empty Content-Encoding', batch('', good), [200, 415]);
    await world.send('two Content-Encodings', batch(['gzip', 'br'], packed), [400, 415]);
  },
};
