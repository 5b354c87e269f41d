import type { DatabaseSpec } from "../../core/database-spec.ts";
import { takesAway, type ChangeSet } from "../../database/change-set.ts";

type Soft = Pick<DatabaseSpec, "softContractMs">;

/** The contract keeps what it would remove for a while, so that going back stays possible. */
export function softly({ state, plan }: Pick<ChangeSet, "state" | "plan">, { softContractMs }: Soft): boolean {
  return softContractMs !== undefined && softContractMs > 0 && state === "expanded" && takesAway({ plan });
}

/** What a contract that is due has to do now: remove, wait, or begin to keep until a time. */
type ContractTurn = { readonly kind: "remove" } | { readonly kind: "keep" | "wait"; readonly untilMs: number };

interface NextTurn {
  /** The first change set for which something is to be done now; null: none. */
  readonly next: { readonly set: ChangeSet; readonly turn: Exclude<ContractTurn, { kind: "wait" }> } | null;
  /** Otherwise nothing is before this time. */
  readonly untilMs: number;
}

/** What to do with the sets whose contracts are due, oldest first. Nothing is removed before what is kept of an older one: the last is the first to be taken back. */
export function nextTurn(open: readonly ChangeSet[], spec: Soft, now: number): NextTurn {
  let untilMs = Infinity;
  for (const set of open) {
    const turn = contractTurn(set, spec, now);
    if (turn.kind === "wait") untilMs = Math.min(untilMs, turn.untilMs);
    else if (turn.kind === "keep" || untilMs === Infinity) return { next: { set, turn }, untilMs };
  }
  return { next: null, untilMs };
}

function contractTurn(set: ChangeSet, spec: Soft, now: number): ContractTurn {
  if (!softly(set, spec)) return { kind: "remove" };
  const until = set.keptUntilMs ?? null;
  if (until === null) return { kind: "keep", untilMs: now + (spec.softContractMs ?? 0) };
  return now < until ? { kind: "wait", untilMs: until } : { kind: "remove" };
}
