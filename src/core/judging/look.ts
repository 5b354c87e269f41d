import { hypergeometric, logSum } from "./hypergeometric.ts";
import type { Share } from "./evidence.ts";

/**
 * One look at a moment that is fixed beforehand: when the new release has had so many requests, or when the time is over. A test that may be
 * looked at always pays for that; where the old release fails often itself, a single look finds what the other one misses (Neyman and Pearson:
 * no test of the same size finds more at that moment). Exact: within each window, given how many events it has in all, their number among the
 * new release's is hypergeometric, and over windows the sum of those; R. A. Fisher's exact test, stratified.
 */
export interface Look {
  /** Requests of the new release. */
  readonly requests: number;
  /** Events among them. */
  readonly events: number;
  /** The chance of each number of them, from 0, if the release makes no difference. */
  readonly law: readonly number[];
  /** The moment has come: nothing is added any more. */
  readonly isDone: boolean;
}

/** A bad canary is to be found within 500 requests: the last window before that. */
const LOOK_REQUESTS = 480;

export const NO_LOOK: Look = Object.freeze({ requests: 0, events: 0, law: [1], isDone: false });

export function addToLook(look: Look, old: Share, fresh: Share): Look {
  if (look.isDone || old.requests === 0 || fresh.requests === 0) return look;
  const requests = look.requests + fresh.requests;
  return {
    requests,
    events: look.events + fresh.events,
    law: convolved(look.law, chances(old, fresh)),
    // That depends on how many requests there were, not on what became of them.
    isDone: requests >= LOOK_REQUESTS,
  };
}

/** The chance of as many events among the new requests or more, without a difference. 1 as long as it is not time. */
export function lookPValue({ law, events, isDone }: Look, over: boolean): number {
  return isDone || over ? law.slice(events).reduce((sum, chance) => sum + chance, 0) : 1;
}

/** Of 0, 1, 2 … events of this window in the new group. */
function chances(old: Share, fresh: Share): readonly number[] {
  const { from, logs } = hypergeometric(old.requests, fresh.requests, old.events + fresh.events);
  const sum = logSum(logs);
  return [...Array.from({ length: from }, () => 0), ...logs.map((log) => Math.exp(log - sum))];
}

function convolved(a: readonly number[], b: readonly number[]): readonly number[] {
  const sums = Array.from({ length: a.length + b.length - 1 }, () => 0);
  for (const [i, x] of a.entries()) for (const [j, y] of b.entries()) sums[i + j] = (sums[i + j] ?? 0) + x * y;
  return sums;
}
