// Does an access log become the statistics that anybody can count in it, and a second import nothing at all?
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Output } from '../../src/cli/command';
import { importCommand } from '../../src/cli/import/command';
import { compiled, packageRoot } from '../../src/config/paths';
import { startTestApp, type TestApp } from '../support';
import { ownLog } from '../support/own-log';

interface Reference {
  lines: number;
  unreadable: number;
  pageviews: number;
  visitors: number;
  statuses: Record<string, number>;
  days: Record<string, number>;
  pages: Record<string, number>;
}

let server: TestApp;
let folder: string;
/** A real log can be named; its numbers are counted from the file itself, whatever it is. */
let log: string;
let reference: Reference;
let range: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'import-'));
  log = process.env['MILLRACE_TEST_LOG'] ?? join(folder, 'access.log.gz');
  if (process.env['MILLRACE_TEST_LOG'] === undefined) writeFileSync(log, gzipSync(ownLog(3_000)));
  const script = join(packageRoot, 'test', 'support', 'log-reference.mjs');
  reference = JSON.parse(execFileSync(process.execPath, [script, log, 'combined'], { encoding: 'utf8' })) as Reference;
  const days = Object.keys(reference.days).sort();
  range = `from=${days[0]}&to=${days.at(-1)}&timezone=UTC`;
  server = await startTestApp();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const ask = async <T>(path: string, project?: string, body?: unknown): Promise<T> => {
  const answer = await fetch(`${server.url}/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'x-api-key': server.rootKey,
      'content-type': 'application/json',
      ...(project === undefined ? {} : { 'x-project-id': project }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
};

/** A project that keeps bots: who is one is not for a log to say. */
const aProject = async (name: string, botPolicy = 'keep'): Promise<string> =>
  (await ask<{ project: { id: string } }>('/projects', undefined, { name, settings: { botPolicy } })).project.id;

const runImport = async (project: string, ...more: string[]): Promise<{ exit: number; text: string }> => {
  const lines: string[] = [];
  const output: Output = { line: (text) => lines.push(text), note: () => undefined, interactive: false };
  const args = [
    '--format',
    'combined',
    '--project',
    project,
    '--url',
    server.url,
    '--key',
    server.rootKey,
    ...more,
    log,
  ];
  return { exit: await importCommand(args, {}, output), text: lines.join('\n') };
};

/** The number that stands behind a name in a summary. */
const figure = (text: string, name: string): number | undefined => {
  const found = new RegExp(`^ *${name} +([\\d,]+)$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found.replaceAll(',', ''));
};

describe('an imported log', () => {
  let project: string;
  let first: { exit: number; text: string };
  const counts = async () => ({
    overview: await ask<{ data: { pageviews: number; visitors: number; events: number } }>(
      `/stats/overview?${range}`,
      project,
    ),
    pages: await ask<{ data: { value: string; pageviews: number }[] }>(
      `/stats/pages?${range}&metrics=pageviews&limit=1000`,
      project,
    ),
    days: await ask<{ data: { time: string; pageviews: number }[] }>(
      `/stats/timeseries?${range}&interval=day&metrics=pageviews`,
      project,
    ),
    statuses: await ask<{ data: { value: number; events: number }[] }>(
      `/events/properties/status/values?${range}`,
      project,
    ),
  });

  beforeAll(async () => {
    project = await aProject('A log');
    first = await runImport('A log');
  });

  it('says what became of every line', () => {
    expect(first.exit).toBe(0);
    expect(figure(first.text, 'Lines')).toBe(reference.lines);
    expect(figure(first.text, 'Taken as pageviews')).toBe(reference.pageviews);
    expect(figure(first.text, 'accepted')).toBe(reference.pageviews);
    expect(figure(first.text, 'Refused as unreadable')).toBe(reference.unreadable);
    expect(figure(first.text, 'Skipped')).toBe(reference.lines - reference.pageviews - reference.unreadable);
  });

  it('has the pageviews, visitors, pages, days and statuses of the file', async () => {
    const { overview, pages, days, statuses } = await counts();
    expect(overview.data).toMatchObject({
      pageviews: reference.pageviews,
      events: reference.pageviews,
      visitors: reference.visitors,
    });
    expect(Object.fromEntries(pages.data.map(({ value, pageviews }) => [value, pageviews]))).toEqual(reference.pages);
    expect(
      Object.fromEntries(
        days.data.filter(({ pageviews }) => pageviews > 0).map((day) => [day.time.slice(0, 10), day.pageviews]),
      ),
    ).toEqual(reference.days);
    expect(Object.fromEntries(statuses.data.map(({ value, events }) => [String(value), events]))).toEqual(
      reference.statuses,
    );
  });

  it('adds nothing when it is imported again', async () => {
    const before = await counts();
    const again = await runImport('A log');
    expect(again.exit).toBe(0);
    expect(again.text).toContain(
      `Pageviews in the project: ${reference.pageviews.toLocaleString('en-US')} before, ${reference.pageviews.toLocaleString('en-US')} now`,
    );
    expect(await counts()).toEqual(before);
  });

  it('leaves out bots where the project drops them, and says how many', async () => {
    await aProject('Without bots', 'drop');
    const { text } = await runImport('Without bots', '--site', 'https://site.example');
    const left = figure(text, 'left out by the project: bot') ?? 0;
    expect(left).toBeGreaterThan(0);
    expect((figure(text, 'accepted') ?? 0) + left).toBe(reference.pageviews);
  });
});

describe('the command', () => {
  // Never waited for in place: the server answers from this very process.
  const run = (...args: string[]) =>
    new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
      const env = { PATH: process.env['PATH'] ?? '', DATA_DIR: join(folder, 'nowhere') };
      const child = execFile(
        process.execPath,
        [compiled('cli/import.js'), ...args],
        { env },
        (_error, stdout, stderr) => resolve({ status: child.exitCode ?? -1, stdout, stderr }),
      );
    });

  it('runs as a program, makes the project, and ends with 0', async () => {
    const { status, stdout, stderr } = await run(
      '--format',
      'common',
      '--project',
      'Made',
      '--url',
      server.url,
      '--key',
      server.rootKey,
      log,
    );
    expect([status, stderr]).toEqual([0, expect.stringContaining('the new project "Made"')]);
    expect(figure(stdout, 'Lines')).toBe(reference.lines);
  });

  it("takes a project's own key, but not one for browsers", async () => {
    const { keys } = await ask<{ keys: { sec: string; pub: string } }>('/projects', undefined, { name: 'Own key' });
    const own = await run('--format', 'combined', '--project', 'any', '--url', server.url, '--key', keys.sec, log);
    expect([own.status, own.stderr]).toEqual([0, expect.stringContaining("the key's own project")]);
    expect(own.stdout).toMatch(/Pageviews in the project: 0 before, [1-9]/);
    const browser = await run('--format', 'combined', '--project', 'any', '--url', server.url, '--key', keys.pub, log);
    expect([browser.status, browser.stderr]).toEqual([1, expect.stringContaining('a pub key cannot')]);
  });

  it('takes the address of the API for that of its server', async () => {
    const { status } = await run(
      '--format',
      'combined',
      '--project',
      'any',
      '--url',
      `${server.url}/api/v1/`,
      '--key',
      server.rootKey,
      log,
    );
    expect(status).toBe(0);
  });

  it('sends what comes before the place where a packed file breaks off, and says both', async () => {
    const file = join(folder, 'cut.log.gz');
    const packed = readFileSync(log);
    writeFileSync(file, packed.subarray(0, packed.length / 2));
    const into = (each: string) =>
      run('--format', 'combined', '--project', 'Cut', '--url', server.url, '--key', server.rootKey, each);
    const cut = await into(file);
    expect(cut.status).toBe(1);
    expect(cut.stderr).toContain(`can't read the rest of ${file}: unexpected end of file`);
    const sent = Number(
      /Pageviews in the project: 0 before, ([\d,]+) now/.exec(cut.stdout)?.[1]?.replaceAll(',', '') ?? 0,
    );
    expect(sent).toBeGreaterThan(0);
    const whole = await into(log);
    expect([whole.status, whole.stdout]).toEqual([
      0,
      expect.stringContaining(`${sent.toLocaleString('en-US')} before`),
    ]);
  });

  it.each([
    ['no server', () => ['--format', 'combined', '--project', 'X', log], 'no server runs on DATA_DIR'],
    [
      'a server that does not answer',
      () => ['--format', 'combined', '--project', 'X', '--url', 'http://127.0.0.1:9', '--key', 'k', log],
      'http://127.0.0.1:9 does not answer',
    ],
    [
      'a wrong key',
      () => ['--format', 'combined', '--project', 'X', '--url', server.url, '--key', 'k'.repeat(40), log],
      'the server answered 401',
    ],
    [
      'a missing file',
      () => ['--format', 'combined', '--project', 'X', '--url', server.url, '--key', server.rootKey, 'missing.log'],
      "can't read missing.log",
    ],
    ['a format that is none', () => ['--format', 'iis', '--project', 'X', log], '--format must be one of'],
    [
      'a file of another format',
      () => [
        '--format',
        'combined',
        '--project',
        'X',
        '--url',
        server.url,
        '--key',
        server.rootKey,
        join(packageRoot, 'LICENSE'),
      ],
      'is of the combined format',
    ],
  ])('ends with 1 and one line for %s', async (_case, args, line) => {
    const { status, stderr } = await run(...args());
    expect([
      status,
      stderr
        .trimEnd()
        .split('\n')
        .find((each) => each.startsWith('import: ')),
    ]).toEqual([1, expect.stringContaining(line)]);
  });
});
