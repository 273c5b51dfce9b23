// Through which channel did a visitor come? Campaign first, then click id, then referrer: the order that analysts know.
import type { EventRow } from './event-row';
import type { IngestStep } from './ingest.types';
import { clickSources, sourceOfHost, sourceOfName } from './sources';
import type { SourceKind } from './sources';

/** Every channel, in one word or two. */
export const channels = [
  'Direct',
  'Organic Search',
  'Paid Search',
  'Organic Social',
  'Paid Social',
  'Organic Video',
  'Paid Video',
  'Organic Shopping',
  'Paid Shopping',
  'Display',
  'Paid Other',
  'Affiliates',
  'Email',
  'SMS',
  'Push',
  'Audio',
  'AI',
  'Referral',
  'Other',
] as const;
export type Channel = (typeof channels)[number];

const PAID = /^(?:.*cp.*|ppc|retargeting|paid.*)$/;

const mediums = new Map<string, Channel>();
for (const [channel, names] of [
  ['Display', 'display banner expandable interstitial cpm'],
  ['Affiliates', 'affiliate affiliates'],
  ['Email', 'email e-mail e_mail mail newsletter'],
  ['SMS', 'sms'],
  ['Push', 'push web-push notification mobile-push'],
  ['Audio', 'audio podcast'],
  ['Organic Search', 'organic'],
  ['Organic Social', 'social social-network social-media social_network social_media sm'],
  ['Organic Video', 'video'],
  ['Referral', 'referral app link'],
] as const) {
  for (const name of names.split(' ')) mediums.set(name, channel);
}

const paidChannel: Readonly<Record<SourceKind, Channel>> = {
  search: 'Paid Search',
  social: 'Paid Social',
  video: 'Paid Video',
  shopping: 'Paid Shopping',
  email: 'Email',
  ai: 'Paid Other',
  other: 'Paid Other',
};

const organicChannel: Readonly<Record<SourceKind, Channel>> = {
  search: 'Organic Search',
  social: 'Organic Social',
  video: 'Organic Video',
  shopping: 'Organic Shopping',
  email: 'Email',
  ai: 'AI',
  other: 'Referral',
};

/** What is known of an event's origin. `referrerHost` is '' for none and for the project's own hosts. */
export interface Arrival {
  readonly utmSource: string;
  readonly utmMedium: string;
  readonly utmCampaign: string;
  readonly clickId: string;
  readonly referrerHost: string;
}

const withoutWww = (host: string): string => (host.startsWith('www.') ? host.slice(4) : host);

/** Names an arrival's source and channel; both follow the same order of evidence. */
export function classify(arrival: Arrival): { source: string; channel: Channel } {
  const { utmSource, utmMedium, utmCampaign, clickId, referrerHost } = arrival;
  const click = clickId === '' ? undefined : clickSources.get(clickId);
  const site = referrerHost === '' ? undefined : sourceOfHost(referrerHost);
  const known = utmSource === '' ? (site ?? click) : sourceOfName(utmSource);
  const source = utmSource || site?.name || withoutWww(referrerHost) || click?.name || '';
  const medium = utmMedium.toLowerCase();
  const named = mediums.get(medium);

  if (named === 'Display') return { source, channel: 'Display' };
  if (click?.paid || (medium !== '' && PAID.test(medium))) {
    // An advertiser's click id names the network better than a free-form source does.
    return { source, channel: paidChannel[known?.kind ?? click?.kind ?? 'other'] };
  }
  if (named !== undefined && named !== 'Referral') return { source, channel: named };
  if (known !== undefined) return { source, channel: organicChannel[known.kind] };
  if (click !== undefined) return { source, channel: organicChannel[click.kind] };
  if (source !== '' || named === 'Referral') return { source, channel: 'Referral' };
  return { source, channel: medium !== '' || utmCampaign !== '' ? 'Other' : 'Direct' };
}

const isWithin = (host: string, domain: string): boolean => {
  const bare = withoutWww(domain.toLowerCase());
  return host === bare || host.endsWith(`.${bare}`);
};

/** Whether a referrer is the site itself: the page's own host, or one of the project's domains and what lies below them. */
const isInternal = (row: EventRow, domains: readonly string[]): boolean => {
  const host = withoutWww(row.referrer_host);
  return host === withoutWww(row.hostname) || domains.some((domain) => isWithin(host, domain));
};

/** Names the event's source and channel. */
export const classifyChannel: IngestStep = ({ row, clickId }, { project }) => {
  const isExternal = row.referrer_host !== '' && !isInternal(row, project.domains);
  if (!isExternal && clickId === '' && row.utm_source === '' && row.utm_medium === '' && row.utm_campaign === '') {
    row.channel = 'Direct';
    return undefined;
  }
  const { source, channel } = classify({
    utmSource: row.utm_source,
    utmMedium: row.utm_medium,
    utmCampaign: row.utm_campaign,
    clickId,
    referrerHost: isExternal ? row.referrer_host : '',
  });
  row.source = source;
  row.channel = channel;
  return undefined;
};
