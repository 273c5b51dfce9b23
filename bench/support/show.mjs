// How are figures shown? As a table and bars that fit a terminal.

/** @param rows of cells; the first row is the heading. The first column, or so many, stand left, the others right. */
export function table(rows, left = 1) {
  const text = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? whole(cell) : String(cell))));
  const widths = text[0].map((_, column) => Math.max(...text.map((row) => row[column].length)));
  return text
    .map((row) =>
      row
        .map((cell, column) => (column >= left ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** @param values `[name, number]` pairs; the longest bar is the largest number */
export function bars(values, width = 40) {
  const most = Math.max(...values.map(([, value]) => value));
  const nameWidth = Math.max(...values.map(([name]) => name.length));
  return values
    .map(
      ([name, value]) =>
        `${name.padEnd(nameWidth)}  ${'█'.repeat(Math.max(1, Math.round((value / most) * width)))} ${whole(value)}`,
    )
    .join('\n');
}

export const whole = (value) => (Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '-');
export const ms = (value) => (Number.isFinite(value) ? value.toFixed(1) : '-');
export const ratio = (value) => (Number.isFinite(value) ? value.toFixed(2) : '-');
