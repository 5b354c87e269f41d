import { HitlessError } from "../../base/error.ts";
import { addToComparison, newComparison, type Comparison } from "../../core/judging/comparison.ts";
import type { CompareRules } from "../../core/judging/rules.ts";
import { sampleOf } from "../../core/judging/sample.ts";
import { ledgerBetween, type LedgerSnapshot } from "../../core/ledger.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/** The time before that stands in where the old release gets no requests any more. */
const BEFORE_MS = 300_000;

/** Two releases that are compared. */
export interface Pair {
  readonly release: string;
  readonly against: string;
}

/** Null where there is nothing to compare with: a first release, or the same one again. */
export function pairOf({ command: { release, against } }: TaskOrder): Pair | null {
  return release === null || against === null || release === against ? null : { release, against };
}

export const NO_PAIR = { verdict: "pass", summary: "there is no other release to compare with" } as const;

/** A comparison that knows what the old release did before `first`, the counts at the task's beginning. */
export async function comparisonFrom(
  ports: TaskPorts,
  { app, command }: TaskOrder,
  { against }: Pair,
  first: LedgerSnapshot | null,
): Promise<Comparison> {
  const earlier = await ledgerAt(ports, app, command.startedAt - BEFORE_MS);
  if (first === null || earlier === null || earlier.boot !== first.boot) return newComparison();
  return newComparison(sampleOf(ledgerBetween(earlier, first), against));
}

/** One more window of time, from the last counts to those of now. */
export function withWindow(
  comparison: Comparison,
  { last, now, pair }: { last: LedgerSnapshot | null; now: LedgerSnapshot; pair: Pair },
  rules: CompareRules,
): Comparison {
  const rows = ledgerBetween(last, now);
  return addToComparison(comparison, sampleOf(rows, pair.against), sampleOf(rows, pair.release), rules);
}

/** What was counted up to then; null while the proxy does not answer: the next window is so much longer then. */
export async function ledgerAt({ clock, traffic }: TaskPorts, app: string, at: number): Promise<LedgerSnapshot | null> {
  try {
    return await (at < clock.now() ? traffic.ledger(app, { at }) : traffic.ledger(app));
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_PROXY_UNREACHABLE") return null;
    throw error;
  }
}
