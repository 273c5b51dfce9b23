// Whose turn is it? The work on events of all requests stands in one line, and is done in pieces between which the process looks at its
// sockets: however much came at once, new callers are heard and those who find no place are told so without waiting for the rest.

/** How long pieces may keep the event loop before it looks at the sockets, which costs about a hundredth of that.
 *  TRICKY: it takes one new connection each time it looks, so this is also how many a second find a busy process. */
const TURN_MS = 1;
/** Who has had so much of the front of the line goes to its back: usual batches are done in the order they came, a huge one keeps nobody. */
const FRONT_MS = 20;

interface Work {
  /** Does the next piece. @returns whether it was the last one */
  readonly step: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  spentMs: number;
}

const line: Work[] = [];
let leftMs = TURN_MS;
let isBooked = false;

/** Does something with each item when its turn has come: at once where nobody is in front.
 *  @returns when the last one is done
 *  @throws what `each` throws; then the items behind it are left */
export function eachInTurn<T>(items: Iterable<T>, each: (item: T) => void): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const step = (): boolean => {
    const { done, value } = iterator.next();
    if (done !== true) each(value);
    return done === true;
  };
  return new Promise((resolve, reject) => {
    line.push({ step, resolve, reject, spentMs: 0 });
    work();
  });
}

/** Does one thing when its turn has come. */
export async function inTurn<T>(work: () => T): Promise<T> {
  const results: T[] = [];
  await eachInTurn([work], (one) => results.push(one()));
  return results[0]!;
}

function work(): void {
  while (leftMs > 0 && line.length > 0) {
    const first = line.shift()!;
    const since = performance.now();
    const isDone = goOn(first, since);
    const spentMs = performance.now() - since;
    leftMs -= spentMs;
    first.spentMs += spentMs;
    if (isDone) continue;
    if (first.spentMs < FRONT_MS) line.unshift(first);
    else line.push(Object.assign(first, { spentMs: 0 }));
  }
  book();
}

/** Takes pieces until the turn is over. @returns whether there are none left */
function goOn({ step, resolve, reject }: Work, since: number): boolean {
  try {
    while (!step()) if (performance.now() - since >= leftMs) return false;
    resolve();
  } catch (error) {
    reject(error);
  }
  return true;
}

/** The next turn: after the sockets. */
function book(): void {
  if (isBooked) return;
  isBooked = true;
  setImmediate(() => {
    isBooked = false;
    leftMs = TURN_MS;
    if (line.length > 0) work();
  });
}
