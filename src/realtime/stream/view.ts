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

/** Writes messages for one choice. */
export class View {
  readonly key: string;
  readonly #names: ReadonlySet<string> | undefined;
  readonly #fields: readonly LiveField[] | undefined;

  constructor(choice: ViewChoice) {
    this.key = viewKey(choice);
    this.#names = choice.names === undefined ? undefined : new Set(choice.names);
    this.#fields = choice.fields;
  }

  /** What of these messages a stream gets, '' where that is nothing. @param epoch first part of their ids */
  write(messages: readonly KeptMessage[], epoch: string): string {
    let text = '';
    for (const { number, kind, data, name } of messages) {
      if (name !== undefined && this.#names?.has(name) === false) continue;
      text += frame(`${epoch}-${number}`, kind, kind === 'event' ? this.#picked(data) : data);
    }
    return text;
  }

  #picked(data: string): string {
    return this.#fields === undefined ? data : JSON.stringify(pickFields(JSON.parse(data) as LiveEvent, this.#fields));
  }
}
