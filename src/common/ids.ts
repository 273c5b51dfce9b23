// How are ids made and recognised? UUID version 7: they sort by the time they were made.
import { v7 } from 'uuid';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A new UUIDv7, lower case. */
export const newId = (): string => v7();

/** Whether a text is a UUID of any version, in either case. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** The time in a UUIDv7, in milliseconds; undefined for other versions. */
export const timeOfId = (id: string): number | undefined =>
  id[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
