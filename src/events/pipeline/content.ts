// What did the event bring that is kept as it is? Whose connection it was, where that is, and the event's own fields.
import { toAddress, toDecimal, toLanguage } from './formats';
import type { IngestStep } from './ingest.types';
import { warning } from './outcomes';
import { tidyText } from './text';
import { USER_AGENT_MAX } from './user-agent';

/** Decides whose address and user agent count: those in the event's context from a trusted key, else the connection's. */
export const takeConnection: IngestStep = (draft, context) => {
  const given = draft.input.context;
  const mayChoose = context.trusted && given !== undefined;
  draft.address = toAddress(mayChoose && given.ip !== undefined ? given.ip : context.address);
  draft.userAgent = tidyText(
    mayChoose && given.userAgent !== undefined ? given.userAgent : context.userAgent,
    USER_AGENT_MAX,
  );
  if (context.project.settings.storeIp) draft.row.ip = draft.address;
  if (!context.trusted && given !== undefined) {
    if (given.ip !== undefined && toAddress(given.ip) !== draft.address) {
      draft.warnings.push(warning('untrusted_context_ignored', 'context.ip'));
    }
    if (given.userAgent !== undefined && given.userAgent !== draft.userAgent) {
      draft.warnings.push(warning('untrusted_context_ignored', 'context.userAgent'));
    }
  }
  return undefined;
};

/** Looks up where the address is. */
export const locate: IngestStep = ({ row, address }, { geo }) => {
  if (address === '') return undefined;
  const { country, region, city } = geo(address);
  row.country = country;
  row.region = region;
  row.city = city;
  return undefined;
};

/** Copies the fields that need no more than their column's form. */
export const copyContent: IngestStep = ({ row, input }, { newId }) => {
  row.event_id = input.id === undefined ? newId() : input.id.toLowerCase();
  row.name = input.name;
  if (input.title !== undefined) row.title = input.title;
  if (input.properties !== undefined) {
    const { properties } = input;
    row.properties = Object.keys(properties).map((key) => [key, JSON.stringify(properties[key])] as const);
  }
  if (input.revenue !== undefined) {
    // The rules have made sure that it fits.
    row.revenue = toDecimal(input.revenue.amount) ?? '0';
    row.currency = input.revenue.currency;
  }
  const { context } = input;
  if (context !== undefined) {
    if (context.screen !== undefined) row.screen = `${context.screen.width}x${context.screen.height}`;
    if (context.locale !== undefined) row.language = toLanguage(context.locale);
    if (context.timezone !== undefined) row.timezone = context.timezone;
  }
  return undefined;
};
