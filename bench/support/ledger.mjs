// What was promised? Every answer is written down and on disk before the next request goes out; at the end the server is held to it.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

/** The generator's own record. The server never sees it. */
export class Ledger {
  #file;

  constructor(path) {
    this.path = path;
    this.#file = openSync(path, 'a');
  }

  /** @param {{ ids: string[], status: number | 'none', rejected: string[] }} answer `none`: the connection broke, so nobody knows */
  write(answer) {
    writeSync(this.#file, `${JSON.stringify(answer)}\n`);
    fsyncSync(this.#file);
  }

  close() {
    closeSync(this.#file);
  }

  /** What the file says about every id: whether some 2xx accepted it, whether some 2xx refused it, and whether it was sent at all.
   *  @returns {{ acknowledged: Set<string>, refused: Set<string>, sent: Set<string>, answers: number, unknown: number }} */
  read() {
    const said = { acknowledged: new Set(), refused: new Set(), sent: new Set(), answers: 0, unknown: 0 };
    for (const line of readFileSync(this.path, 'utf8').split('\n')) {
      if (line === '') continue;
      const { ids, status, rejected } = JSON.parse(line);
      const isYes = status === 200 || status === 202;
      const refused = new Set(rejected);
      if (status === 'none') said.unknown += 1;
      else said.answers += 1;
      for (const id of ids) {
        said.sent.add(id);
        if (isYes) (refused.has(id) ? said.refused : said.acknowledged).add(id);
      }
    }
    return said;
  }
}
