// Which browser, system and kind of device does a user agent name, and is it a bot? Parsing costs 40 microseconds, so it is remembered.
import { isbot } from 'isbot';
import { UAParser } from 'my-ua-parser';
import { HotCache } from './hot-cache';
import { flagBits } from './event-row';
import type { IngestStep } from './ingest.types';
import { filter } from './outcomes';
import { tidyText } from './text';

/** Every kind of device; `unknown` where the user agent says nothing. */
export const devices = ['desktop', 'mobile', 'tablet', 'tv', 'console', 'wearable', 'bot', 'unknown'] as const;
export type Device = (typeof devices)[number];

/** What a user agent tells. Versions are cut to what is counted: the browser's major one, two parts of the system's. */
export interface Agent {
  readonly browser: string;
  readonly browserVersion: string;
  readonly os: string;
  readonly osVersion: string;
  readonly device: Device;
  readonly isBot: boolean;
  /** An HTTP client's own name (`okhttp/4.9`, `node`): what servers and apps send with. */
  readonly isLibrary: boolean;
}

/** The longest user agent that is looked at, in UTF-16 units. */
export const USER_AGENT_MAX = 1_024;

const LIBRARY =
  /(?:^|[\s;(])(?:node|undici|axios|got|node-fetch|superagent|node-superagent|deno|bun|curl|libcurl|wget|httpie|okhttp|retrofit|ktor|ktor-client|dart|alamofire|cfnetwork|unityplayer|python|python-requests|python-urllib|python-urllib3|python-httpx|httpx|aiohttp|go-http-client|go-resty|java|java-http-client|apache-httpclient|reactornetty|ruby|faraday|rest-client|guzzlehttp|php|symfony|reqwest|hyper|libwww-perl|restsharp|postmanruntime|insomnia|k6|autocannon|supertest|bruno-runtime)(?=[/\s;)]|$)/i;
const CRAWLER = /^(?:mozilla|opera)\/|bot|crawl|spider|https?:\/\//i;

const deviceOf = new Map<string | undefined, Device>([
  ['mobile', 'mobile'],
  ['tablet', 'tablet'],
  ['smarttv', 'tv'],
  ['console', 'console'],
  ['wearable', 'wearable'],
  ['xr', 'wearable'],
]);
const osNames = new Map([
  ['Mac OS', 'macOS'],
  ['Chromium OS', 'ChromeOS'],
  ['Chrome OS', 'ChromeOS'],
]);

/** The leading numbers of a version, at most `parts` of them; '' where it begins with none ("x86_64" is no version). */
const versionOf = (version: string | undefined, parts: number): string =>
  /^\d[\d.]*/
    .exec(version ?? '')?.[0]
    .split('.', parts)
    .join('.') ?? '';

function parse(userAgent: string): Agent {
  const { browser, os, device } = UAParser(userAgent);
  const isBot = isbot(userAgent);
  const isLibrary = LIBRARY.test(userAgent) && !CRAWLER.test(userAgent);
  const name = tidyText(browser.name ?? '', 64).replace(/^Mobile (?=Safari|Chrome|Firefox)/, '');
  const system = tidyText(os.name ?? '', 64);
  const fallback: Device = name !== '' && system !== '' ? 'desktop' : 'unknown';
  return {
    browser: name,
    browserVersion: versionOf(browser.version, 1),
    os: osNames.get(system) ?? system,
    osVersion: versionOf(os.version, 2),
    device: isBot && !isLibrary ? 'bot' : (deviceOf.get(device.type) ?? fallback),
    isBot,
    isLibrary,
  };
}

const nobody: Agent = {
  browser: '',
  browserVersion: '',
  os: '',
  osVersion: '',
  device: 'unknown',
  isBot: false,
  isLibrary: false,
};
const agents = new HotCache<Agent>(5_000);

/** What a user agent tells; nothing, for an empty one. */
export function describeAgent(userAgent: string): Agent {
  if (userAgent === '') return nobody;
  const known = agents.get(userAgent);
  if (known !== undefined) return known;
  const agent = parse(userAgent);
  agents.set(userAgent, agent);
  return agent;
}

/** Drops or marks bots, as the project asks. Apps, servers and people at a terminal send with HTTP clients rightfully. The name of one is
 *  a bot's only where a server tells of a visitor whom nothing else names: in a site's log those are scripts that read it. */
export const handleBots: IngestStep = ({ row, input, userAgent }, { project, trusted }) => {
  const agent = describeAgent(userAgent);
  if (!agent.isBot || project.settings.botPolicy === 'keep') return undefined;
  if (agent.isLibrary) {
    const isIdentified = input.visitorId !== undefined || input.userId !== undefined;
    const isTold = trusted && input.context?.userAgent !== undefined;
    if (isIdentified || !isTold) return undefined;
  }
  if (project.settings.botPolicy === 'drop') return filter('bot');
  row.flags |= flagBits.bot;
  return undefined;
};

/** Writes browser, system and device. */
export const describeDevice: IngestStep = ({ row, userAgent }) => {
  const agent = describeAgent(userAgent);
  row.browser = agent.browser;
  row.browser_version = agent.browserVersion;
  row.os = agent.os;
  row.os_version = agent.osVersion;
  row.device = agent.device;
  return undefined;
};
