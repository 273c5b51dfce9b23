// How many may watch, and what do those cost who do not read? Streams by the thousand with one key, over what one may have, that come and go.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { head } from './hostile-socket.mjs';

const STREAM = '/api/v1/realtime/stream';
/** Streams that are open while much happens: each gets all of it, and this program reads it. */
const READERS = 300;

/** Opens a stream. @returns with its status, once the head has come */
function open(port, headers, path = STREAM) {
  const socket = connect(port, '127.0.0.1', () => socket.write(head('GET', path, headers)));
  const stream = { socket, text: '', closed: false };
  const begun = new Promise((resolve) => {
    socket.setEncoding('utf8').on('data', (piece) => {
      stream.text = (stream.text + piece).slice(-200_000);
      if (/^HTTP\/1\.1 \d{3}/.test(piece)) {
        stream.status ??= Number(piece.slice(9, 12));
        stream.retryAfter = /^retry-after: (\d+)/im.exec(piece)?.[1];
      }
      if (stream.status !== undefined) resolve();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      stream.closed = true;
      resolve();
    });
  });
  return begun.then(() => stream);
}

export const streams = {
  number: 39,
  name: 'streams',
  async run(world) {
    const { port, short } = world;
    const key = { 'X-API-Key': world.project.sec };
    const gauge = async () =>
      Number(/^millrace_realtime_streams (\d+)$/m.exec(await (await fetch(`${world.server.url}/metrics`)).text())?.[1]);
    (await open(port, key)).socket.destroy();
    await sleep(1_000);
    const { mb } = await world.inside();
    const wanted = short ? 300 : 2_000;
    const all = [];
    for (let from = 0; from < wanted; from += 50)
      all.push(...(await Promise.all(Array.from({ length: 50 }, () => open(port, key)))));
    const opened = all.filter(({ status }) => status === 200);
    const turned = all.filter(({ status }) => status === 429);
    world.report.requests += wanted;
    for (const [name, list] of [
      ['200', opened],
      ['429', turned],
    ])
      world.report.statuses.set(name, list.length);
    // A key has a thousand.
    const most = Math.min(wanted, 1_000);
    if (opened.length !== most || turned.length !== wanted - most)
      world.fault(`${opened.length} of ${wanted} streams were opened, ${turned.length} refused`);
    if (turned.some(({ retryAfter }) => retryAfter === undefined))
      world.fault('a stream was refused without Retry-After');
    await sleep(1_000);
    const perStream = (((await world.inside()).mb - mb) * 1_024) / opened.length;
    world.note(`  ${opened.length} streams, ${perStream.toFixed(0)} kB each`);
    // An idle machine has 20; what the collector has not yet taken counts too.
    if (perStream > 100) world.fault(`a stream costs ${perStream.toFixed(0)} kB`);
    for (const { socket } of turned) socket.destroy();

    // Those who read nothing, while much happens: they are cut off, and the rest gets all of it.
    // Of those who read as many are left as one process can read for.
    for (const { socket } of opened.splice(READERS)) socket.destroy();
    const lazy = opened.slice(0, 50);
    for (const { socket } of lazy) socket.pause();
    const filler = 'x'.repeat(6_000);
    const batches = 12;
    const before = await world.inside();
    const readers = opened.slice(50);
    const untilSeen = async (name, ms) => {
      const until = performance.now() + ms;
      while (performance.now() < until && readers.some(({ text, closed }) => !closed && !text.includes(name)))
        await sleep(50);
    };
    for (let at = 0; at < batches; at++) {
      await world.server.ask('POST', '/events/batch', {
        key: world.project.sec,
        body: {
          events: Array.from({ length: 100 }, (_, place) => ({
            name: `seen-${at}-${place}`,
            visitorId: `v${place}`,
            properties: { filler, at },
          })),
        },
      });
      // At a pace that one process can read at for all of them: who is a megabyte behind is cut off, and rightly.
      await untilSeen(`seen-${at}-99`, 10_000);
    }
    await world.server.ask('POST', '/events', {
      key: world.other.sec,
      body: { name: 'somebody-elses', visitorId: 'b' },
    });
    await world.server.ask('POST', '/events', {
      key: world.project.sec,
      body: { name: 'last-of-all', visitorId: 'b' },
    });
    await untilSeen('last-of-all', 60_000);
    const missed = readers.filter(({ text, closed }) => closed || !text.includes('last-of-all')).length;
    // Who shares a machine with hundreds of readers in one process may be late itself; cut off, it could come back.
    world.note(`  ${missed} of ${readers.length} who read were cut off or are late`);
    if (missed > readers.length / 2) world.fault(`${missed} of ${readers.length} readers did not get the last event`);
    const after = await world.inside();
    const more = after.mostMb - before.mb;
    world.report.moreMb = Math.max(world.report.moreMb, more);
    world.note(
      `  50 who read nothing of ${Math.round((batches * 100 * 6) / 1_000)} MB each: ${Math.round(more)} MB more`,
    );
    // At most a megabyte each, the messages that are kept, and the collector's share.
    if (more > 400) world.fault(`streams that are not read cost ${Math.round(more)} MB`);
    if (opened.some(({ text }) => text.includes('somebody-elses')))
      world.fault('an event crossed over to another project');

    for (const { socket } of opened) socket.destroy();
    for (let waited = 0; waited < 100 && (await gauge()) > 0; waited++) await sleep(200);
    const left = await gauge();
    if (left !== 0) world.fault(`${left} streams are left when all have gone`);

    // Names, ids and places that would break out of a message.
    for (const [what, given] of [
      ['an id with a line break', `${STREAM}?lastEventId=a%0d%0adata:%20x`],
      ['an id of 4 kB', `${STREAM}?lastEventId=${'a'.repeat(4_000)}`],
      ['names with line breaks', `${STREAM}?names=a%0aevent:%20x`],
      ['fields that there are none of', `${STREAM}?fields=__proto__`],
      ['a key in the address', `${STREAM}?key=${world.project.sec}`],
      ['a ticket that is none', `${STREAM}?ticket=${'a'.repeat(300)}`],
    ]) {
      const stream = await open(port, what.includes('key in') || what.includes('ticket') ? {} : key, given);
      world.judge(
        what,
        stream.status >= 400
          ? { status: stream.status, headers: new Map([['content-type', 'application/problem+json']]), body: '' }
          : stream,
        [200, 400, 401],
      );
      if (/key in|ticket/.test(what) && stream.status !== 401 && stream.status !== 400)
        world.fault(`${what}: ${stream.status}`);
      stream.socket.destroy();
    }
    const watcher = await open(port, key);
    await world.server.ask('POST', '/events', {
      key: world.project.sec,
      body: { name: 'a\r\n\r\nevent: forged\r\ndata: {}', visitorId: 'c', title: 'x\n\nid: 1' },
    });
    for (let waited = 0; waited < 100 && !watcher.text.includes('forged'); waited++) await sleep(100);
    if (!watcher.text.includes('forged')) world.fault('an event with line breaks did not come');
    if (/^event: forged/m.test(watcher.text)) world.fault('a name with line breaks became a message of its own');
    watcher.socket.destroy();
    // Open and gone, as fast as it goes.
    for (let turn = 0; turn < (short ? 5 : 20); turn++)
      await Promise.all(
        Array.from({ length: 40 }, async (_, at) => {
          const one = await open(port, key);
          if (at % 2 === 0) one.socket.resetAndDestroy();
          else one.socket.destroy();
        }),
      );
    for (let waited = 0; waited < 100 && (await gauge()) > 0; waited++) await sleep(200);
    if ((await gauge()) !== 0) world.fault(`${await gauge()} streams are left of those that came and went`);
  },
};
