// What do all our commands share? How they end, and how they show their progress and their tables.
import { Presets, SingleBar } from 'cli-progress';

/** Ends a command with one line for the person who called it. */
export class CommandFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailed';
  }
}

/** Ends a command with how it is called, for a person who asked just that: nothing failed. */
export class UsageAsked extends CommandFailed {
  /** @param what the command does */
  constructor(what: string, usage: string) {
    super(`${what}\n\n${usage}`);
  }
}

/** What a command writes to. */
export interface Output {
  /** For results. */
  line(text: string): void;
  /** For what goes on meanwhile; kept apart from results. */
  note(text: string): void;
  /** Whether a person looks on, so that a bar makes sense. */
  readonly interactive: boolean;
}

export const terminal: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
  interactive: process.stderr.isTTY,
};

/** Runs a command to its end: its number becomes the exit status, what it throws becomes one line and 1, but for help. */
export async function runCommand(name: string, command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    if (error instanceof UsageAsked) {
      terminal.line(error.message);
      process.exitCode = 0;
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    terminal.note(`${name}: ${message}`);
    process.exitCode = 1;
  }
}

/** Shows how far a long piece of work is: a bar for a person, a line every tenth part for a log. */
export interface Progress {
  at(done: number, note: string): void;
  stop(): void;
}

const BAR_WIDTH = 32;

/** @param total in whatever unit `at` counts */
export function startProgress(output: Output, what: string, total: number): Progress {
  return output.interactive ? barProgress(what, total) : lineProgress(output, what, total);
}

function barProgress(what: string, total: number): Progress {
  const bar = new SingleBar(
    {
      format: `${what} [{bar}] {percentage} % {note}`,
      barsize: BAR_WIDTH,
      hideCursor: true,
      clearOnComplete: false,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  bar.start(Math.max(total, 1), 0, { note: '' });
  return { at: (done, note) => bar.update(Math.min(done, total), { note }), stop: () => bar.stop() };
}

function lineProgress(output: Output, what: string, total: number): Progress {
  let shownTenth = 0;
  return {
    at(done, note) {
      const tenth = Math.floor((done / Math.max(total, 1)) * 10);
      if (tenth <= shownTenth) return;
      shownTenth = tenth;
      output.note(`${what} ${Math.min(tenth * 10, 100)} % ${note}`);
    },
    stop: () => undefined,
  };
}

/** Text with thousands apart: 1,234,567. */
export const grouped = (value: number): string => value.toLocaleString('en-US');

/** Rows of a name and a number below each other; a row without a number is a heading. */
export function table(rows: readonly (readonly [name: string, value?: number | string])[]): string {
  const text = rows.map(([name, value]) => [name, typeof value === 'number' ? grouped(value) : (value ?? '')] as const);
  const nameWidth = Math.max(...text.map(([name]) => name.length));
  const valueWidth = Math.max(...text.map(([, value]) => value.length));
  return text.map(([name, value]) => `${name.padEnd(nameWidth)}  ${value.padStart(valueWidth)}`.trimEnd()).join('\n');
}
