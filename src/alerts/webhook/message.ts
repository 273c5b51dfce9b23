// What does a webhook say? One JSON text, made once: what is signed is what was kept. Pure.
import type { Alert, AlertState, MessageType, Reading } from '../alerts.types';

/** What is told, about which alert, as of when (milliseconds). */
export interface News extends Reading {
  readonly id: string;
  readonly type: MessageType;
  readonly at: number;
  readonly project: { readonly id: string; readonly name: string };
  readonly alert: Alert;
  readonly state: AlertState;
}

/** The body of a webhook. */
export const messageOf = ({ id, type, at, project, alert, state, value, previous }: News): string =>
  JSON.stringify({
    id,
    type,
    createdAt: new Date(at).toISOString(),
    project: { id: project.id, name: project.name },
    alert: {
      id: alert.id,
      name: alert.name,
      metric: alert.metric,
      filters: alert.filters ?? null,
      window: alert.windowSeconds,
      condition: alert.condition,
      threshold: alert.threshold,
      state,
    },
    value,
    ...(previous === undefined ? {} : { previous }),
  });
