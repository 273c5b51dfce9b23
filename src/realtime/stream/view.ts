// What does a stream show of its project? Which events, and what of each; streams that show the same share every byte. Pure.
import { type LiveEvent, type LiveField, pickFields } from '../event/live-event';
import type { KeptMessage } from './message-ring';

/** A choice. Undefined: all. */
export interface ViewChoice {
  readonly names?: readonly string[];
  readonly fields?: readonly LiveField[];
}

/** One and the same for choices that show the same. */
export const viewKey = ({ names, fields }: ViewChoice): string =>
  JSON.stringify([fields ?? null, names === undefined ? null : names.toSorted()]);

/** A message on the wire. @param id of the message, as `Last-Event-ID` brings it back */
export const frame = (id: string, kind: string, data: string): string => `id: ${id}\nevent: ${kind}\ndata: ${data}\n\n`;

/** Writes the chosen fields of events, each event once for as long as it is asked to remember. */
export class FieldPicker {
  readonly #picked = new Map<number, string>();

  constructor(private readonly fields: readonly LiveField[] | undefined) {}

  /** The data of a message, with the chosen fields alone where it is an event. */
  pick({ number, kind, data }: KeptMessage): string {
    if (kind !== 'event' || this.fields === undefined) return data;
    const known = this.#picked.get(number);
    if (known !== undefined) return known;
    const picked = JSON.stringify(pickFields(JSON.parse(data) as LiveEvent, this.fields));
    this.#picked.set(number, picked);
    return picked;
  }

  forget(): void {
    this.#picked.clear();
  }
}

/** Writes messages for one choice. */
export class View {
  readonly key: string;
  readonly #names: ReadonlySet<string> | undefined;

  /** @param picker of the choice's fields; views of the same fields may share one */
  constructor(
    choice: ViewChoice,
    private readonly picker: FieldPicker,
  ) {
    this.key = viewKey(choice);
    this.#names = choice.names === undefined ? undefined : new Set(choice.names);
  }

  /** What of these messages a stream gets, and how many they are. @param epoch first part of their ids */
  write(messages: readonly KeptMessage[], epoch: string): { text: string; count: number } {
    const shown = messages.filter(
      ({ name, gone }) => gone !== true && (name === undefined || this.#names?.has(name) !== false),
    );
    const text = shown
      .map((message) => frame(`${epoch}-${message.number}`, message.kind, this.picker.pick(message)))
      .join('');
    return { text, count: shown.length };
  }
}
