// Which stretch of time does a change make stale? The quarter hour around it, or the day where it is long ago: marks stay few.
import { DAY_MS, floorTo, QUARTER_MS, type TimeRange } from '../../common/time-range';
import { NAMED_GAP_MS, SESSION_GAP_MS } from '../query';

/** Changes that are so long before `closing` are marked by the UTC day. */
export const FINE_MS = 2 * DAY_MS;

const around = (at: number, size: number): TimeRange => {
  const from = floorTo(at, size);
  return { from, to: from + size };
};

/** The UTC quarter hour that holds a moment. */
export const quarterOf = (at: number): TimeRange => around(at, QUARTER_MS);

/** The UTC day that holds a moment. */
export const dayOf = (at: number): TimeRange => around(at, DAY_MS);

/** What a change at a moment makes stale.
 *  @param closing of the project, or about now where there is none */
export const cellOf = (at: number, closing: number): TimeRange => (at < closing - FINE_MS ? dayOf(at) : quarterOf(at));

/** What the going of an event makes stale: the quarter hours of its neighbours too, as it may have held their session together.
 *  @param named whether the session has an id of its own */
export const cellsAroundGone = (at: number, named: boolean): TimeRange => {
  const silence = named ? NAMED_GAP_MS : SESSION_GAP_MS;
  return { from: quarterOf(at - silence).from, to: quarterOf(at + silence).to };
};
