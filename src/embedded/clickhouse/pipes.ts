// How do the rows of a result leave the engine as a stream? It writes them into a named pipe, and this process reads the other end.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { join } from 'node:path';

/** One pipe in use. */
export interface Pipe {
  readonly path: string;
  /** What the engine writes; ends after `written()`. */
  readonly reader: Socket;
  /** To be called once, when the statement has ended: there is no more to come. */
  written(): void;
  /** Gives the pipe back when it is closed. The statement must have ended. */
  release(): Promise<void>;
}

/** A folder with pipes for results and room for bodies. The engine's own streaming call repeats a format's head and foot in each
 *  block and can't tell totals; `INTO OUTFILE` gives the format whole, and a full pipe makes the engine wait. */
export class Scratch {
  private readonly free: string[];
  private files = 0;
  /** Bytes of bodies that are held in memory now. */
  held = 0;

  private constructor(
    readonly folder: string,
    count: number,
  ) {
    this.free = Array.from({ length: count }, (_, index) => join(folder, `pipe-${index}`));
  }

  /** Makes the folder anew. @throws where it can't hold pipes */
  static create(folder: string, count: number): Scratch {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const scratch = new Scratch(folder, count);
    execFileSync('mkfifo', ['-m', '600', ...scratch.free], { stdio: 'pipe' });
    return scratch;
  }

  /** A path for a file that the caller writes and removes. */
  file(): string {
    this.files += 1;
    return join(this.folder, `body-${this.files}`);
  }

  /** Opens a pipe. There are as many as statements may run at once. */
  pipe(): Pipe {
    const path = this.free.pop();
    if (path === undefined) throw new Error('No pipe is left.');
    // The reader first, or opening the writer would fail; the writer here keeps the end open until the engine has come and gone.
    const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const write = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const reader = new Socket({ fd: read, readable: true, writable: false });
    reader.on('error', () => reader.destroy());
    return {
      path,
      reader,
      written: () => closeSync(write),
      release: async () => {
        const closed = reader.closed ? undefined : once(reader, 'close');
        reader.destroy();
        await closed;
        this.free.push(path);
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
