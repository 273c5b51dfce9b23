// What should an import of this log have made? Counted from the file by other means than the importer's: fields are cut by hand,
// nothing is shared with `src/`. Prints JSON: node log-reference.mjs FILE combined|common
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const [file, format = 'combined'] = process.argv.slice(2);
const bytes = readFileSync(file);
const text = (bytes.readUInt16BE(0) === 0x1f8b ? gunzipSync(bytes) : bytes).toString('utf8');

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const PAGE_ENDINGS =
  '.html .htm .xhtml .xht .shtml .phtml .php .php3 .php5 .asp .aspx .jsp .jspx .jsf .do .action .cgi .pl .cfm .md'.split(
    ' ',
  );

/** The quoted field that begins at `from`: its raw text and where it ends; undefined where it never does. */
function quoted(line, from) {
  if (line[from] !== '"') return undefined;
  let at = from + 1;
  while (at < line.length && line[at] !== '"') at += line[at] === '\\' ? 2 : 1;
  return at < line.length ? { raw: line.slice(from + 1, at), end: at + 1 } : undefined;
}

function unescape(raw) {
  const bytes = [];
  for (let at = 0; at < raw.length; at++) {
    if (raw[at] !== '\\') bytes.push(...Buffer.from(String.fromCodePoint(raw.codePointAt(at))));
    else if (raw[at + 1] === 'x' && /^[0-9a-f]{2}$/i.test(raw.slice(at + 2, at + 4))) {
      bytes.push(Number.parseInt(raw.slice(at + 2, at + 4), 16));
      at += 3;
    } else {
      at += 1;
      bytes.push(...Buffer.from({ n: '\n', r: '\r', t: '\t', b: '\b', v: '\v', f: '\f' }[raw[at]] ?? raw[at] ?? ''));
    }
    if (raw.codePointAt(at) > 0xffff) at += 1;
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Cuts a line into fields from left to right; undefined where one is not there. */
function fieldsOf(line) {
  const open = line.indexOf(' [');
  const close = line.indexOf('] ', open);
  if (open < 0 || close < 0) return undefined;
  const host = line.slice(0, line.indexOf(' '));
  const stamp = line.slice(open + 2, close);
  const request = quoted(line, close + 2);
  if (request === undefined) return undefined;
  const [, status, size] = line.slice(request.end).split(' ');
  if (!/^\d\d\d$/.test(status ?? '') || !/^(\d+|-)$/.test(size ?? '')) return undefined;
  let referrer = { raw: '-' };
  let agent = { raw: '-' };
  if (format === 'combined') {
    const after = request.end + 1 + status.length + 1 + size.length + 1;
    referrer = quoted(line, after);
    agent = referrer && quoted(line, referrer.end + 1);
    if (referrer === undefined || agent === undefined) return undefined;
  }
  return { host, stamp, request: unescape(request.raw), status: Number(status), agent: unescape(agent.raw) };
}

/** `17/May/2015:10:05:03 +0200` as a UTC day. */
function dayOf(stamp) {
  const [clock, zone] = stamp.split(' ');
  const [date, hour, minute, second] = clock.split(':');
  const [day, month, year] = date.split('/');
  const index = String(MONTHS.indexOf(month) / 3 + 1).padStart(2, '0');
  return new Date(`${year}-${index}-${day}T${hour}:${minute}:${second}${zone.slice(0, 3)}:${zone.slice(3)}`)
    .toISOString()
    .slice(0, 10);
}

/** The target of a request that is a pageview; undefined for every other request. */
function pageOf({ request, status }) {
  const parts = request.split(' ');
  if (parts[0].toUpperCase() !== 'GET' || parts.length < 2) return undefined;
  const target = (/^HTTP\/\d/.test(parts.at(-1)) && parts.length > 2 ? parts.slice(1, -1) : parts.slice(1)).join(' ');
  if (!target.startsWith('/') && !/^https?:\/\//i.test(target)) return undefined;
  if (![200, 201, 202, 203, 304].includes(status) && !(status > 206 && status < 300)) return undefined;
  const path = target.split(/[?#]/)[0].replace(/^https?:\/\/[^/]*/i, '');
  const query = (target.split('#')[0].split('?').slice(1).join('?') ?? '').toLowerCase();
  const names = path
    .toLowerCase()
    .split('/')
    .filter((name) => name !== '');
  const last = names.at(-1) ?? '';
  if (['feed', 'rss', 'atom', 'rss.xml', 'atom.xml', 'feed.xml', 'index.xml', 'feed.json'].includes(last))
    return undefined;
  const asks = query.split('&').some((pair) => {
    const [key, value = ''] = pair.split('=');
    return (
      ['feed', 'flav', 'format', 'type'].includes(key) &&
      ['rss', 'atom', 'feed', 'rdf'].some((kind) => value.startsWith(kind))
    );
  });
  if (asks) return undefined;
  const dot = last.lastIndexOf('.');
  const ending = dot < 0 || path.endsWith('/') ? '' : last.slice(dot);
  const isFile = /^\.[a-z][a-z0-9]*$/.test(ending) && ending.length <= 11 && !PAGE_ENDINGS.includes(ending);
  return isFile ? undefined : target;
}

const add = (counts, key) => (counts[key] = (counts[key] ?? 0) + 1);
const seen = { lines: 0, unreadable: 0, pageviews: 0, statuses: {}, days: {}, pages: {} };
const visitors = new Set();
for (const line of text.split('\n').map((each) => each.replace(/\r$/, ''))) {
  if (line === '') continue;
  seen.lines += 1;
  const fields = fieldsOf(line);
  if (fields === undefined) {
    seen.unreadable += 1;
    continue;
  }
  const target = pageOf(fields);
  if (target === undefined) continue;
  seen.pageviews += 1;
  visitors.add(`${fields.host} ${fields.agent === '-' ? '' : fields.agent}`);
  add(seen.statuses, fields.status);
  add(seen.days, dayOf(fields.stamp));
  // The server shows paths as browsers write them.
  add(seen.pages, new URL(target.startsWith('/') ? `http://site${target}` : target).pathname);
}
process.stdout.write(JSON.stringify({ ...seen, visitors: visitors.size }));
