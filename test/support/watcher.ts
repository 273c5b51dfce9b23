// How does a test watch a stream? A reader of server-sent events that keeps what it got, or stops reading on purpose.
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** A message as it came. */
export interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
  /** When it came, milliseconds. */
  readonly at: number;
}

/** An open stream. */
export interface Watcher {
  readonly headers: IncomingHttpHeaders;
  readonly messages: readonly Message[];
  /** Waits until what came is enough. @throws with what came, after `withinMs` (10 s) */
  until(enough: (messages: readonly Message[]) => boolean, withinMs?: number): Promise<readonly Message[]>;
  /** Waits until the server has ended it. @throws after `withinMs` */
  untilClosed(withinMs: number): Promise<void>;
  /** Stops, or begins, to read. */
  pause(): void;
  resume(): void;
  close(): void;
}

const parse = (block: string): Message | undefined => {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return {
    id: fields.get('id') ?? '',
    event: fields.get('event') ?? '',
    data: JSON.parse(data) as Record<string, unknown>,
    at: Date.now(),
  };
};

/** Opens a stream. @throws with the answer where it is refused */
export async function aWatcher(url: string, headers: Record<string, string> = {}): Promise<Watcher> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers, agent: false }, resolve).once('error', reject);
  });
  if (response.statusCode !== 200) {
    let body = '';
    for await (const piece of response.setEncoding('utf8')) body += piece as string;
    throw new Error(`The stream was refused: ${response.statusCode} ${body}`);
  }
  const messages: Message[] = [];
  let rest = '';
  let closed = false;
  let wake = (): void => undefined;
  response.on('error', () => undefined);
  response.on('close', () => {
    closed = true;
    wake();
  });
  response.setEncoding('utf8').on('data', (piece: string) => {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const message = parse(block);
      if (message !== undefined) messages.push(message);
    }
    wake();
  });
  const waitFor = async (right: () => boolean, withinMs: number, what: string): Promise<void> => {
    const end = Date.now() + withinMs;
    while (!right()) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`${what}: ${JSON.stringify(messages).slice(0, 2_000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return {
    headers: response.headers,
    messages,
    until: async (enough, withinMs = 10_000) => {
      await waitFor(() => enough(messages), withinMs, 'Not enough came in time');
      return messages;
    },
    untilClosed: (withinMs) => waitFor(() => closed, withinMs, 'The stream was not ended in time'),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close: () => void response.destroy(),
  };
}
