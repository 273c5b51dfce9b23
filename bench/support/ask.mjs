// How is one question measured? Through the API call by call, and by hand in the engine in the same run.
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf, rangeOf } from './questions.mjs';
import { percentile } from './percentile.mjs';

/** Asks the server to compute its answer anew. */
const UNCACHED = { 'cache-control': 'no-store' };
/** Where calls take seconds, fewer of them will do. */
const MOST_SECONDS_A_CELL = 60;
const BY_HAND_LIMIT_S = 60;
const BY_HAND = {
  max_execution_time: BY_HAND_LIMIT_S,
  do_not_merge_across_partitions_select_final: 1,
  optimize_move_to_prewhere_if_final: 1,
};

/** A GET to the API, or a POST where there is something to send.
 *  @returns {Promise<{ status: number, ms: number, body: any }>} time until the last byte */
export async function call(server, project, path, sent) {
  const startedAt = performance.now();
  const answer = await fetch(`${server.url}/api/v1${path}`, {
    headers: {
      'x-api-key': server.rootKey,
      'x-project-id': project.id,
      ...UNCACHED,
      ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(sent === undefined ? {} : { method: 'POST', body: JSON.stringify(sent) }),
  });
  const text = await answer.text();
  const ms = performance.now() - startedAt;
  return { status: answer.status, ms, body: text === '' ? undefined : JSON.parse(text) };
}

/** How many rows the server read for an answer; undefined where it does not say. */
async function rowsReadOf(server, project, path) {
  const { status, body } = await call(server, project, `${path}&explain=true`);
  return status === 200 ? body.meta?.explain?.rows : undefined;
}

/** Measures a question through the API: each call has a range that ends a day earlier than the one before, so that none repeats another.
 *  @returns {Promise<{ p50: number, p95: number, calls: number, failed?: number, figure?: number, rowsRead?: number }>} */
export async function throughApi(server, project, question, days, { calls, endMs }) {
  const path = (back) => pathOf(question, days, rangeOf(endMs, days, back));
  const first = await call(server, project, path(0));
  if (first.status !== 200) return { p50: Number.NaN, p95: Number.NaN, calls: 0, failed: first.status };
  const times = [];
  const startedAt = performance.now();
  for (let back = 1; back <= calls; back++) {
    const { status, ms } = await call(server, project, path(back));
    if (status !== 200) return { p50: Number.NaN, p95: Number.NaN, calls: times.length, failed: status };
    times.push(ms);
    if (performance.now() - startedAt > MOST_SECONDS_A_CELL * 1000) break;
  }
  return {
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    calls: times.length,
    figure: question.figureOf(first.body),
    approximate: first.body.meta?.approximate,
    rowsRead: await rowsReadOf(server, project, path(0)),
  };
}

/** Asks the same of raw events: three times where that is quick, else once.
 *  @returns {Promise<{ ms: number, rowsRead: number, figure: number } | { failed: string }>} the median */
export async function byHand(engine, project, question, days, { endMs }) {
  const asked = { project: project.number, range: rangeOf(endMs, days), zone: question.zone };
  const runs = [];
  try {
    do runs.push(await engine.query(question.byHand(asked, days), BY_HAND));
    while (runs.length < 3 && runs[0].ms < 5_000);
  } catch (error) {
    if (error.message.includes('TIMEOUT_EXCEEDED')) return { failed: `> ${BY_HAND_LIMIT_S} s` };
    if (error.message.includes('MEMORY_LIMIT_EXCEEDED')) return { failed: 'no memory' };
    throw error;
  }
  return {
    ms: percentile(
      runs.map(({ ms }) => ms),
      0.5,
    ),
    rowsRead: runs[0].readRows,
    figure: runs[0].rows.reduce((sum, row) => sum + row.figure, 0),
  };
}

/** Waits until nothing of the project's history is left to derive.
 *  @param progress told the share that is done, 0..1 */
export async function untilDerived(server, project, progress) {
  for (;;) {
    const { status, body } = await call(server, project, `/projects/${project.id}/rollups`);
    if (status !== 200) throw new Error(`how far the project is derived: status ${status}`);
    // Before the first horizon nothing is derived and nothing is known to be stale.
    if (body.horizon !== null && body.staleRanges === 0) return;
    progress(body.horizon === null ? 0 : body.cells / (body.cells + body.staleRanges));
    await sleep(1_000);
  }
}
