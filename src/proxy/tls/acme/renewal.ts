import type { Certificate } from "../certificate.ts";
import type { AcmeFailure } from "./acme-failure.ts";

const AWAY_MIN_MS = 5_000;
const AWAY_MAX_MS = 600_000;
const REFUSED_MIN_MS = 60_000;
const REFUSED_MAX_MS = 24 * 3_600_000;
/** Of the lifetime; so many certificates that came on one day do not go on one day. */
const JITTER = 1 / 30;

/** When a certificate is to be renewed: with a third of its lifetime left, a little earlier by chance (`random` is from 0 to 1). */
export function renewalTime({ notBefore, expiresAt }: Certificate, random: number): number {
  const lifetime = expiresAt - notBefore;
  return expiresAt - lifetime / 3 - lifetime * JITTER * random;
}

/**
 * How long to wait after so many failures of its kind in a row (1 or more), in milliseconds. An authority that is away may be asked again soon; one that
 * refuses counts our attempts.
 */
export function pauseAfter({ away, retryAfterMs }: AcmeFailure, failures: number, random: number): number {
  const pause = away
    ? Math.min(AWAY_MAX_MS, AWAY_MIN_MS * 2 ** (failures - 1))
    : Math.min(REFUSED_MAX_MS, REFUSED_MIN_MS * 3 ** (failures - 1));
  return Math.max(retryAfterMs, pause * (0.75 + random / 4));
}
