import type { DatabaseSpec } from "../../core/database-spec.ts";
import { takesAway, type ChangeSet } from "../../database/change-set.ts";

type Soft = Pick<DatabaseSpec, "softContractMs">;

/** The contract keeps what it would remove for a while, so that going back stays possible. */
export function softly({ state, plan }: Pick<ChangeSet, "state" | "plan">, { softContractMs }: Soft): boolean {
  return softContractMs !== undefined && softContractMs > 0 && state === "expanded" && takesAway({ plan });
}

/** What a contract that is due has to do now: remove, wait, or begin to keep until a time. */
export type ContractTurn = { readonly kind: "remove" } | { readonly kind: "keep" | "wait"; readonly untilMs: number };

export function contractTurn(set: ChangeSet, spec: Soft, now: number): ContractTurn {
  if (!softly(set, spec)) return { kind: "remove" };
  const until = set.keptUntilMs ?? null;
  if (until === null) return { kind: "keep", untilMs: now + (spec.softContractMs ?? 0) };
  return now < until ? { kind: "wait", untilMs: until } : { kind: "remove" };
}
