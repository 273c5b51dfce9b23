// Which chunks make up the data set? Months of a project cut into pieces of at most two million rows, which are made one by one.
import { dayWeight } from './shop-sql.mjs';

const DAY_MS = 86_400_000;
export const DAYS = 365;
const MOST_ROWS = 2_000_000;
const EVENTS_A_VISITOR = 50;
const TINY_PROJECTS = 1_000;

/** "100M", "1.5M", "250k" or plain digits. @returns undefined for anything else, and below 100,000 */
export function rowsOf(text) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kKmM]?)$/.exec(text ?? '') ?? [];
  const rows = Number(number) * ({ k: 1e3, m: 1e6 }[unit?.toLowerCase()] ?? 1);
  return Number.isInteger(rows) && rows >= 100_000 && rows <= 1e10 ? rows : undefined;
}

/** What is in a data set of `rows`: { name, projects, rowsEach }. */
export const groupsOf = (rows) => [
  { name: 'small', projects: 1, rowsEach: Math.floor(rows / 100) },
  { name: 'medium', projects: 1, rowsEach: Math.floor(rows / 10) },
  { name: 'tiny', projects: TINY_PROJECTS, rowsEach: Math.floor(rows / 5 / TINY_PROJECTS) },
  { name: 'big', projects: 1, rowsEach: rows },
];

/** Names of the projects of a group, in the order in which rows count them. */
export const projectsOf = ({ name, projects }) =>
  projects === 1 ? [name] : Array.from({ length: projects }, (_, at) => `${name}-${at}`);

/** Every chunk, in the order in which they are made: { id, group, rowsEach, fromMs, toMs, visitors }, without those of no rows.
 *  @param endMs a UTC midnight: the end of the last of 365 days */
export function chunksOf(rows, endMs) {
  const startMs = endMs - DAYS * DAY_MS;
  const days = Array.from({ length: DAYS }, (_, at) => startMs + at * DAY_MS);
  const passed = [0];
  for (const day of days) passed.push(passed.at(-1) + dayWeight(day, startMs));
  /** Rows before a day, of `all`: rounding never loses one. */
  const before = (day, all) => Math.round((passed[day] / passed[DAYS]) * all);
  const monthOf = (day) => new Date(days[day]).toISOString().slice(0, 7);

  return groupsOf(rows).flatMap(({ name, projects, rowsEach }) => {
    const chunks = [];
    for (let from = 0; from < DAYS;) {
      let to = from + 1;
      while (
        to < DAYS &&
        monthOf(to) === monthOf(from) &&
        (before(to + 1, rowsEach) - before(from, rowsEach)) * projects <= MOST_ROWS
      )
        to++;
      chunks.push({
        id: `${name} ${new Date(days[from]).toISOString().slice(0, 10)}`,
        group: name,
        rowsEach: before(to, rowsEach) - before(from, rowsEach),
        fromMs: days[from],
        toMs: startMs + to * DAY_MS,
        visitors: Math.max(20, Math.floor(rowsEach / EVENTS_A_VISITOR)),
      });
      from = to;
    }
    return chunks.filter((chunk) => chunk.rowsEach > 0);
  });
}
