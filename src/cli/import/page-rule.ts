// Which lines of an access log are pageviews? One rule, said once: what people see in the summary and in README.
import type { LogEntry } from './access-log';

/** Why a line is not a pageview. A closed set: each has its line in the summary. */
export const SKIP_REASONS = ['request', 'method', 'status', 'feed', 'file'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** The reasons in words. */
export const SKIP_WORDS: Readonly<Record<SkipReason, string>> = {
  request: 'not an HTTP request',
  method: 'method other than GET',
  status: 'status other than 2xx (without 204-206) or 304',
  feed: 'a feed (RSS, Atom)',
  file: 'a file, not a page (images, styles, scripts, robots.txt …)',
};

const PAGE_EXTENSIONS = new Set(
  'html htm xhtml xht shtml phtml php php3 php5 asp aspx jsp jspx jsf do action cgi pl cfm md'.split(' '),
);
const FEED_NAMES = new Set(['feed', 'rss', 'atom', 'rss.xml', 'atom.xml', 'feed.xml', 'index.xml', 'feed.json']);
const FEED_QUERY = /(?:^|&)(?:feed|flav|format|type)=(?:rss|atom|feed|rdf)/i;

/** Says whether a line is a pageview: a GET that was answered with the page, or with "you have it already".
 *  A page has no file extension, or one of a page's (`.html`, `.php` …); `/v1.2` has none, since extensions begin with a letter.
 *  Redirects are skipped, because the page that they lead to has a line of its own.
 *  @returns the reason for which it is not one; undefined where it is */
export function whyNotPageview(entry: LogEntry): SkipReason | undefined {
  if (entry.request === undefined) return 'request';
  if (entry.request.method !== 'GET') return 'method';
  if (!wasShown(entry.status)) return 'status';
  const { path, query } = splitTarget(entry.request.target);
  const lastName = path.replace(/\/+$/, '').split('/').at(-1)?.toLowerCase() ?? '';
  if (FEED_NAMES.has(lastName) || FEED_QUERY.test(query)) return 'feed';
  const extension = path.endsWith('/') ? undefined : /\.([a-z][a-z0-9]{0,9})$/.exec(lastName)?.[1];
  return extension === undefined || PAGE_EXTENSIONS.has(extension) ? undefined : 'file';
}

const wasShown = (status: number): boolean =>
  (status >= 200 && status <= 299 && (status < 204 || status > 206)) || status === 304;

const splitTarget = (target: string): { path: string; query: string } => {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  const at = local.indexOf('?');
  return at < 0 ? { path: local, query: '' } : { path: local.slice(0, at), query: local.slice(at + 1) };
};
