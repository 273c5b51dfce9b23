// Who reads the streams of a measurement? A process of its own that opens as many as it is told, counts every event on each, and
// times those of a few.
import { get } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Streams whose every event is timed: to time all would cost more than to serve them. */
const TIMED = 25;
const MARK = Buffer.from('\nevent: event\n');
const SENT = /"sentAt":(\d+)/g;

const counts = [];
const others = { gap: 0, dropped: 0, ended: 0 };
// A reader that is late itself sees everything late.
const own = monitorEventLoopDelay({ resolution: 5 });
own.enable();
let delays = [];
let responses = [];

function read(response, at) {
  counts[at] = 0;
  let rest = Buffer.alloc(0);
  response.on('data', (piece) => {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = bytes.lastIndexOf('\n\n') + 2;
    if (end < 2) {
      rest = bytes;
      return;
    }
    const whole = bytes.subarray(0, end);
    rest = Buffer.from(bytes.subarray(end));
    for (let found = whole.indexOf(MARK); found !== -1; found = whole.indexOf(MARK, found + MARK.length))
      counts[at] += 1;
    if (at >= TIMED) return;
    const now = Date.now();
    const text = whole.toString('latin1');
    for (const [, sentAt] of text.matchAll(SENT)) delays.push(now - Number(sentAt));
    if (text.includes('\nevent: gap\n')) others.gap += 1;
    if (text.includes('\nevent: dropped\n')) others.dropped += 1;
  });
  response.on('close', () => (others.ended += 1));
  response.on('error', () => undefined);
}

const open = (url, key, at) =>
  new Promise((resolve, reject) => {
    get(url, { headers: { 'x-api-key': key }, agent: false }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`a stream was refused: ${response.statusCode}`));
      read(response, at);
      responses.push(response);
      resolve();
    }).once('error', reject);
  });

async function obey({ command, urls, key, streams }) {
  if (command === 'open') {
    const query = '/api/v1/realtime/stream?fields=id,properties';
    for (let from = 0; from < streams; from += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, streams - from) }, (_, at) =>
          open(urls[(from + at) % urls.length] + query, key, from + at),
        ),
      );
    process.send({ opened: streams });
  } else if (command === 'report') {
    process.send({ counts, delays, ...others, ownDelayP99Ms: own.percentile(99) / 1e6 });
    own.reset();
    delays = [];
  } else if (command === 'count') {
    process.send({ got: counts.reduce((sum, count) => sum + count, 0) });
  } else if (command === 'close') {
    for (const response of responses) response.destroy();
    responses = [];
    process.send({ closed: true });
  }
}
process.on('message', (message) => void obey(message));
