// Does a figure break the rule of an alert? And what is its receiver to be told? Pure.
import type { Alert, AlertQuestion, AlertState, MessageType, Reading } from './alerts.types';

/** Whether a condition compares with the window before. */
export const looksBack = ({ condition }: Pick<AlertQuestion, 'condition'>): boolean =>
  condition === 'increasesBy' || condition === 'decreasesBy';

/** The state that a reading puts an alert in. `above` and `below` are strict; a change fires where it is as large as the threshold.
 *  Where there is no figure there is nothing to compare. */
export const stateOf = (
  { condition, threshold }: Pick<AlertQuestion, 'condition' | 'threshold'>,
  { value, previous = null }: Reading,
): AlertState => {
  if (value === null) return 'unknown';
  const fires = (does: boolean): AlertState => (does ? 'firing' : 'ok');
  if (condition === 'above') return fires(value > threshold);
  if (condition === 'below') return fires(value < threshold);
  if (previous === null) return 'unknown';
  const change = changeFrom(previous, value);
  return fires((condition === 'increasesBy' ? change : -change) >= threshold);
};

/** A change as a fraction of what was before. Something after nothing is larger than any fraction. */
const changeFrom = (previous: number, value: number): number => {
  if (value === previous) return 0;
  return previous === 0 ? Math.sign(value) * Infinity : (value - previous) / Math.abs(previous);
};

/** What its receiver does not know yet; undefined: nothing. It never hears of `unknown`, so what fires still, or again, after it is no news. */
export const newsOf = ({ told }: Pick<Alert, 'told'>, state: AlertState): MessageType | undefined => {
  if (state === 'unknown' || state === told) return undefined;
  return state === 'firing' ? 'alert.firing' : 'alert.resolved';
};
