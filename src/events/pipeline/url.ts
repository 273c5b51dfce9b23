// Which host, page and campaign does a URL name? Parsed as browsers do, never throwing; what was parsed lately is remembered.
import { HotCache } from './hot-cache';
import type { IngestStep } from './ingest.types';
import { clickSources } from './sources';
import { tidyText } from './text';
import { parseUrl } from '../../common/url';

/** A URL in the warehouse's columns. */
export interface UrlParts {
  /** Scheme, host and port; '' for a path alone. */
  readonly origin: string;
  /** Lower case; '' for a path alone. */
  readonly hostname: string;
  /** Normalised and percent-encoded as browsers do. */
  readonly path: string;
  /** Query and fragment as they follow the path, `?` and `#` included. */
  readonly query: string;
  readonly utmSource: string;
  readonly utmMedium: string;
  readonly utmCampaign: string;
  readonly utmContent: string;
  readonly utmTerm: string;
  /** Name of the advertiser's click id that the query holds (`gclid`), '' for none. */
  readonly clickId: string;
}

const nowhere: UrlParts = {
  origin: '',
  hostname: '',
  path: '',
  query: '',
  utmSource: '',
  utmMedium: '',
  utmCampaign: '',
  utmContent: '',
  utmTerm: '',
  clickId: '',
};

const CLICK_ID = new RegExp(`[?&](${[...clickSources.keys()].join('|')})=`, 'i');
const UTM_MAX = 200;
const CACHED_LENGTH = 512;

// Any host will do: only what follows it is taken. TRICKY: "//a/b" is a path here, not a host, hence text and not a base URL.
const PATH_BASE = 'http://p';

const parse = (text: string): URL | undefined => {
  const absolute = text.startsWith('/') ? PATH_BASE + text : text;
  return parseUrl(absolute);
};

const hostOf = (url: URL): string => url.hostname.toLowerCase().replace(/\.$/, '');

function split(text: string): UrlParts {
  const url = parse(text);
  if (url === undefined) return { ...nowhere, path: text };
  const isPath = text.startsWith('/');
  const hostname = isPath ? '' : hostOf(url);
  const port = url.port === '' ? '' : `:${url.port}`;
  const parts = {
    ...nowhere,
    origin: isPath ? '' : `${url.protocol}//${hostname}${port}`,
    hostname,
    path: url.pathname,
    query: url.search + url.hash,
  };
  const clickId = (CLICK_ID.exec(url.search)?.[1] ?? '').toLowerCase();
  if (!url.search.includes('utm_')) return { ...parts, clickId };
  const utm = (name: string): string => tidyText((url.searchParams.get(name) ?? '').trim(), UTM_MAX);
  return {
    ...parts,
    utmSource: utm('utm_source'),
    utmMedium: utm('utm_medium'),
    utmCampaign: utm('utm_campaign'),
    utmContent: utm('utm_content'),
    utmTerm: utm('utm_term'),
    clickId,
  };
}

const parts = new HotCache<UrlParts>(10_000);

/** A URL's parts. A text that is no URL is a path as a whole. */
export function urlParts(text: string): UrlParts {
  const known = parts.get(text);
  if (known !== undefined) return known;
  const value = split(text);
  if (text.length <= CACHED_LENGTH) parts.set(text, value);
  return value;
}

const hosts = new HotCache<string>(10_000);

/** The host of a referrer in lower case; '' where it names none. */
export function referrerHost(text: string): string {
  const known = hosts.get(text);
  if (known !== undefined) return known;
  const url = text.includes('://') ? parseUrl(text) : undefined;
  const value = url === undefined ? '' : hostOf(url);
  if (text.length <= CACHED_LENGTH) hosts.set(text, value);
  return value;
}

/** Takes host, path, query and campaign out of the event's URL, and the host out of its referrer. */
export const splitUrl: IngestStep = (draft) => {
  const { row, input } = draft;
  if (input.url !== undefined) {
    const url = urlParts(input.url);
    draft.clickId = url.clickId;
    row.origin = url.origin;
    row.hostname = url.hostname;
    row.path = url.path;
    row.query = url.query;
    row.utm_source = url.utmSource;
    row.utm_medium = url.utmMedium;
    row.utm_campaign = url.utmCampaign;
    row.utm_content = url.utmContent;
    row.utm_term = url.utmTerm;
  }
  if (input.referrer !== undefined && input.referrer !== '') {
    row.referrer = input.referrer;
    row.referrer_host = referrerHost(input.referrer);
  }
  return undefined;
};
