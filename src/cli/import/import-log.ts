// How does an access log get into a project? Read, chosen, sent in batches and counted; a second run of the same file adds nothing.
import type { EventInput } from '../../events/event-input';
import { type ApiClient, ApiFailure, inBatches, inLanes } from '../client';
import { type Output, grouped, startProgress } from '../command';
import { type LogFormat, parseLogLine } from './access-log';
import type { LogFile } from './lines';
import { whyNotPageview } from './page-rule';
import { Tally } from './tally';
import { LineIds, toEvent } from './to-event';

export interface ImportOptions {
  readonly format: LogFormat;
  /** Origin of the site, e.g. https://example.com: makes the URLs whole. */
  readonly site?: string | undefined;
}

/** What an import did; `failure` says why not everything could be read and sent. */
export interface ImportResult {
  readonly tally: Tally;
  readonly failure?: ApiFailure | UnreadableFile;
}

/** The file can't be read to its end. */
export class UnreadableFile extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'UnreadableFile';
  }
}

const LANES = 3;
const EVENTS_PER_BATCH = 1_000;
const BYTES_PER_BATCH = 4_000_000;

interface Taken {
  readonly line: number;
  readonly event: EventInput;
}

/** Sends a log's pageviews to the client's project, three batches at a time; of a file that breaks off, those before that. */
export async function importLog(
  client: Pick<ApiClient, 'sendEvents'>,
  file: LogFile,
  options: ImportOptions,
  output: Output,
): Promise<ImportResult> {
  const tally = new Tally();
  const progress = startProgress(output, 'Importing', file.sizeBytes);
  let failure: UnreadableFile | undefined;

  async function* lines(): AsyncGenerator<string | undefined> {
    try {
      yield* file.lines();
    } catch (error) {
      failure = new UnreadableFile(error);
    }
  }

  async function* pageviews(): AsyncGenerator<Taken> {
    const ids = new LineIds();
    for await (const line of lines()) {
      tally.lines += 1;
      const entry =
        line === undefined ? { unreadable: 'longer than any log line' } : parseLogLine(line, options.format);
      if ('unreadable' in entry) {
        tally.cannotRead(tally.lines, entry.unreadable);
        continue;
      }
      const reason = whyNotPageview(entry);
      if (reason !== undefined) {
        tally.skip(reason);
        continue;
      }
      tally.taken += 1;
      yield { line: tally.lines, event: toEvent(entry, ids.next(line ?? '', entry.time), options) };
    }
  }

  try {
    await inLanes(inBatches(pageviews(), EVENTS_PER_BATCH, BYTES_PER_BATCH), LANES, async (batch) => {
      const answer = await client.sendEvents(batch.map(({ event }) => event));
      tally.answered(
        answer,
        batch.map(({ line }) => line),
      );
      // The end is reached when the last answer is here, not when the last byte was read.
      progress.at(Math.min(file.bytesRead(), file.sizeBytes - 1), `${grouped(tally.answeredCount)} pageviews`);
    });
    if (failure === undefined) progress.at(file.sizeBytes, `${grouped(tally.answeredCount)} pageviews`);
    return failure === undefined ? { tally } : { tally, failure };
  } catch (error) {
    if (error instanceof ApiFailure) return { tally, failure: error };
    throw error;
  } finally {
    progress.stop();
  }
}
