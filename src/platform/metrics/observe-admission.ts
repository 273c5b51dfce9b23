// How full is the door, and whom did it turn away? For `/metrics`, which asks when it is read.
import type { Admission, ShareName } from '../http/admission';
import type { Metrics } from './metrics';

const SHARES: readonly ShareName[] = ['ingest', 'reads'];

/** Feeds the instruments of a server's door. */
export function observeAdmission(admission: Admission, metrics: Metrics): void {
  admission.onRefused = (share, reason) => metrics.requestsRefused.inc({ share, reason });
  const look = (): void => {
    for (const share of SHARES) {
      const { inWork, limit } = admission.standing(share);
      metrics.requestsAdmitted.set({ share }, inWork);
      metrics.requestsLimit.set({ share }, limit);
    }
    metrics.bodyBytes.set(admission.bytes);
  };
  look();
  // Asked first of the three.
  Object.assign(metrics.requestsAdmitted, { collect: look });
}
