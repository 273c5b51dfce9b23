// Under which name is an erased visitor remembered? One that is made of the hash and does not lead back to it. Pure.
import { hash } from 'node:crypto';

/** The mark of a visitor or user. The hash is keyed with the project's secret already, so nobody else can make it of an identifier.
 *  @param project its number; @param visitor the hash as decimal text
 *  @returns 32 hexadecimal digits */
export const erasureMark = (project: number, visitor: string): string =>
  hash('sha256', `erased visitor\0${project}\0${visitor}`, 'hex').slice(0, 32);
