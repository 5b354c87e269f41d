import { hypergeometric, logSum, type Law } from "./hypergeometric.ts";

/**
 * Evidence that events (errors, slow answers) are more frequent among the new requests than among the old ones of the same time.
 *
 * Each window of time is a table of two groups. Given how many events it has in all, how they fall on the groups is hypergeometric if the
 * release makes no difference, whatever the events' own frequency was just then (a database that fails takes both alike), and Fisher's
 * noncentral hypergeometric if the odds differ by a factor. The ratio of the two probabilities has expectation 1 under "no difference", so
 * the product over windows, averaged over some factors, is a nonnegative martingale that starts at 1: the chance that it ever reaches 1/alpha
 * is at most alpha (Ville's inequality), at whatever moments it is looked at. Conditional likelihood ratios as in R. A. Fisher, "The logic of
 * inductive inference" (1935); always-valid tests by mixtures: H. Robbins (1970); R. Johari et al., "Always valid inference" (2022);
 * e-values for two proportions: R. Turner, A. Ly, P. Grünwald, "Generic E-variables for exact sequential k-sample tests" (2024).
 */
export interface Evidence {
  /** Natural logarithm of the ratio for each factor of `ODDS`. */
  readonly logs: readonly number[];
  /** The highest that the average has ever been, as a logarithm. */
  readonly peak: number;
}

/** Events among a number of requests. */
export interface Share {
  readonly requests: number;
  readonly events: number;
}

/** By how much the odds of an event may have risen; between them the average loses little. */
const ODDS = [1.6, 2.5, 4, 8, 30, 300] as const;

export const NO_EVIDENCE: Evidence = Object.freeze({ logs: ODDS.map(() => 0), peak: 0 });

/** Adds a window of time. It must not have been chosen by what happened in it. */
export function addWindow(evidence: Evidence, old: Share, fresh: Share): Evidence {
  const events = old.events + fresh.events;
  if (events === 0 || old.requests === 0 || fresh.requests === 0) return evidence;
  const law = hypergeometric(old.requests, fresh.requests, events);
  return grown(
    evidence,
    ODDS.map((odds) => fresh.events * Math.log(odds) - logExpectation(law, Math.log(odds))),
  );
}

/**
 * Evidence that events are more frequent than `most`, where there is no group to compare with at the same time: the likelihood ratio of one
 * share against another has an expectation of at most 1 as long as the true share is at most `most`.
 */
export function evidenceAbove(most: number, { requests, events }: Share): Evidence {
  if (most >= 1) return NO_EVIDENCE;
  const logs = ODDS.map((odds) => {
    const share = (odds * most) / (1 - most + odds * most);
    return events * Math.log(share / most) + (requests - events) * Math.log((1 - share) / (1 - most));
  });
  return grown(NO_EVIDENCE, logs);
}

/** The highest share that so many events are still compatible with, with so small a chance of being wrong (Chernoff's bound). */
export function upperShare({ requests, events }: Share, chance: number): number {
  const seen = events / requests;
  let [low, high] = [seen, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (requests * divergence(seen, middle) < -Math.log(chance)) low = middle;
    else high = middle;
  }
  return high;
}

/** The chance of seeing as much without a difference, ever: an always-valid p-value. */
export function pValue({ peak }: Evidence): number {
  return Math.min(1, Math.exp(-peak));
}

function grown({ logs, peak }: Evidence, more: readonly number[]): Evidence {
  const sums = logs.map((log, index) => log + (more[index] ?? 0));
  return { logs: sums, peak: Math.max(peak, logSum(sums) - Math.log(sums.length)) };
}

/** ln E[odds^count] under the law. */
function logExpectation({ from, logs }: Law, logOdds: number): number {
  return logSum(logs.map((log, index) => log + (from + index) * logOdds)) - logSum(logs);
}

/** Kullback–Leibler divergence of two coins. */
function divergence(p: number, q: number): number {
  const part = (a: number, b: number): number => (a === 0 ? 0 : a * Math.log(a / b));
  return part(p, q) + part(1 - p, 1 - q);
}
