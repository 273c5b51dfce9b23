// How does a row become the text that the warehouse reads? JSONCompactEachRow, written by hand: the insert's cost begins here.
import { emptyRow } from './event-row';
import type { EventRow } from './event-row';
import { toClickHouseTime } from './time';

/** The columns in the order of an encoded row: `INSERT INTO events (…) FORMAT JSONCompactEachRow`. */
export const eventColumns: readonly (keyof EventRow)[] = Object.keys(emptyRow(0, 0)) as (keyof EventRow)[];

// Anything but plain characters: quote, backslash, controls.
const NEEDS_ESCAPE = /[^ !#-[\]-\uffff]/;

const text = (value: string): string => (NEEDS_ESCAPE.test(value) ? JSON.stringify(value) : `"${value}"`);

function propertiesText(properties: EventRow['properties']): string {
  if (properties.length === 0) return '{}';
  let out = '{';
  for (const [key, json] of properties) {
    out += `${out.length > 1 ? ',' : ''}${text(key)}:${text(json)}`;
  }
  return `${out}}`;
}

/** One row as a line of JSONCompactEachRow, without its line break. Columns that can only hold digits, hex or known words are
 *  written as they are; all others are escaped. */
export function encodeRow(row: EventRow): string {
  return (
    `[${row.project_id},"${toClickHouseTime(row.ts)}","${toClickHouseTime(row.received_at)}",${row.seq},"${row.event_id}",` +
    `${text(row.name)},"${row.visitor_id}","${row.user_id}","${row.session_id}",` +
    `${text(row.origin)},${text(row.hostname)},${text(row.path)},${text(row.query)},${text(row.title)},` +
    `${text(row.referrer)},${text(row.referrer_host)},${text(row.source)},${text(row.channel)},` +
    `${text(row.utm_source)},${text(row.utm_medium)},${text(row.utm_campaign)},${text(row.utm_content)},${text(row.utm_term)},` +
    `${text(row.country)},${text(row.region)},${text(row.city)},` +
    `${text(row.browser)},${text(row.browser_version)},${text(row.os)},${text(row.os_version)},${text(row.device)},` +
    `${text(row.screen)},${text(row.language)},${text(row.timezone)},${text(row.ip)},` +
    `${row.flags},"${row.revenue}",${text(row.currency)},${propertiesText(row.properties)}]`
  );
}
