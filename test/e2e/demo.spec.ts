// Does the demo leave a project worth looking at, and does a second run leave it alone?
import type { Output } from '../../src/cli/command';
import { demoCommand } from '../../src/cli/demo/command';
import { startTestApp, type TestApp } from '../support';

const DAY_MS = 86_400_000;
/** Noon of yesterday: whatever the hour now is, later hours of that day are in the past too. */
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;

let server: TestApp;
let first: string;

const run = async (now: number): Promise<string> => {
  const lines: string[] = [];
  const output: Output = { line: (text) => lines.push(text), note: () => undefined, interactive: false };
  const args = ['--days', '8', '--visitors', '30', '--url', server.url, '--key', server.rootKey];
  expect(await demoCommand(args, {}, output, now)).toBe(0);
  return lines.join('\n');
};
const figure = (text: string, name: string): number =>
  Number((new RegExp(`^ *${name} +([\\d,]+)$`, 'm').exec(text)?.[1] ?? 'NaN').replaceAll(',', ''));
/** Asks one of the lines that were printed to be pasted. */
const paste = async (text: string, part: string): Promise<unknown> => {
  const [, key = '', url = ''] =
    text
      .split('\n')
      .map((line) => /curl -H 'X-API-Key: (\S+)' '(\S+)'/.exec(line))
      .find((match) => match?.[2]?.includes(part)) ?? [];
  const answer = await fetch(url, { headers: { 'x-api-key': key } });
  expect([part, answer.status]).toEqual([part, 200]);
  return answer.json();
};

beforeAll(async () => {
  server = await startTestApp();
  first = await run(NOON);
});
afterAll(() => server.close());

it('fills a project, and prints lines that work', async () => {
  const events = figure(first, 'Events in "Demo"');
  expect(events).toBeGreaterThan(300);
  expect(figure(first, 'accepted')).toBe(events);
  expect(await paste(first, '/stats/overview')).toMatchObject({ data: { events } });
  const { data: pages } = (await paste(first, '/stats/pages')) as { data: { value: string }[] };
  expect(pages.map(({ value }) => value)).toContain('/tools/border-spade');
  const { data: days } = (await paste(first, '/stats/timeseries')) as { data: { visitors: number }[] };
  expect(days.filter(({ visitors }) => visitors > 0).length).toBeGreaterThanOrEqual(5);
  await paste(first, '/stats/breakdown/channel');
  await paste(first, '/events?');
});

it('has visitors from many places on many devices, and revenue in two currencies', async () => {
  const { data } = (await paste(first, '/stats/overview')) as { data: { revenue: { currency: string }[] } };
  expect(data.revenue.map(({ currency }) => currency).sort()).toEqual(['EUR', 'USD']);
  const [, key = ''] = /X-API-Key: (\S+)'/.exec(first) ?? [];
  const answer = await fetch(`${server.url}/api/v1/stats/devices?period=30d`, { headers: { 'x-api-key': key } });
  const { data: devices } = (await answer.json()) as { data: { value: string }[] };
  expect(devices.map(({ value }) => value)).toEqual(expect.arrayContaining(['desktop', 'mobile']));
});

it('adds nothing on the same day, however late, and the new traffic on the next', async () => {
  const later = await run(NOON + DAY_MS / 3);
  expect(figure(later, 'accepted')).toBe(0);
  expect(await paste(later, '/stats/overview')).toMatchObject({ data: { events: figure(first, 'Events in "Demo"') } });
  const nextDay = await run(NOON + DAY_MS / 2 + 1);
  expect(figure(nextDay, 'accepted')).toBeGreaterThan(0);
});
