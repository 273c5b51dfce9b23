// What do the import's tests read where no real log is at hand? One of their own making, with what real ones have in them.

/** mulberry32: the same log each time. */
const chance = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
};

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  String.raw`Mozilla/4.0 (compatible; \"quoted\" \\ caf\xc3\xa9)`,
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  '-',
] as const;
const TARGETS = [
  '/',
  '/about',
  '/blog/',
  '/blog/first-post.html',
  '/shop?item=1&page=2',
  '/shop?utm_source=letter&utm_medium=email',
  '/v1.2',
  '/a%20b',
  '/style.css',
  '/images/logo.png',
  '/favicon.ico',
  '/robots.txt',
  '/feed/',
  '/?flav=rss20',
  '/paper.pdf',
] as const;
const REFERRERS = ['-', '-', 'https://www.google.com/', 'https://news.example/a?b=c', 'nonsense'] as const;
const STATUSES = [200, 200, 200, 200, 200, 304, 301, 404, 206, 500] as const;
const ZONES = ['+0000', '+0000', '+0200', '-0330'] as const;
const ODD = [
  '203.0.113.250 - - [02/Mar/2026:10:00:00 +0000] "-" 408 - "-" "-"',
  String.raw`203.0.113.250 - - [02/Mar/2026:10:00:01 +0000] "\x16\x03\x01\x00" 400 226 "-" "-"`,
  '203.0.113.250 - - [02/Mar/2026:10:00:02 +0000] "POST /login HTTP/1.1" 200 12 "-" "curl/8.0"',
  '203.0.113.250 - - [02/Mar/2026:10:00:03 +0000] "HEAD / HTTP/1.1" 200 0 "-" "curl/8.0"',
  '203.0.113.250 - - [02/Mar/2026:10:00:04 +0000] "GET / HTTP/1.1" 200 10 "-" "Mozilla/5.0 (cut off',
  'not a log line at all',
  '203.0.113.250 - - [31/Feb/2026:10:00:00 +0000 "GET / HTTP/1.1" 200 10 "-" "-"',
] as const;

/** Lines of the combined format over four days of March 2026: some twice, some broken, IPv6 and names among the addresses. */
export function ownLog(lines: number, seed = 7): string {
  const next = chance(seed);
  const one = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const two = (value: number): string => String(value).padStart(2, '0');
  const made: string[] = [];
  for (let at = 0; at < lines; at++) {
    if (next() < 0.02) {
      made.push(one(ODD));
      continue;
    }
    if (next() < 0.02 && made.length > 0) {
      made.push(made.at(-1) ?? '');
      continue;
    }
    const person = Math.floor(next() ** 2 * 120);
    const address =
      person % 10 === 0
        ? `2001:db8::${person.toString(16)}`
        : person % 17 === 0
          ? `host-${person}.example`
          : `198.51.100.${person}`;
    const second = Math.floor((at / lines) * 4 * 86_400);
    const clock = `${two(Math.floor(second / 3_600) % 24)}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
    const time = `${two(2 + Math.floor(second / 86_400))}/Mar/2026:${clock} ${one(ZONES)}`;
    const bytes = next() < 0.1 ? '-' : String(Math.floor(next() * 50_000));
    made.push(
      `${address} - - [${time}] "GET ${one(TARGETS)} HTTP/1.1" ${one(STATUSES)} ${bytes} "${one(REFERRERS)}" "${AGENTS[person % AGENTS.length]}"`,
    );
  }
  return `${made.join('\n')}\n`;
}
