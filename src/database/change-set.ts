import type { Plan } from "./plan/action.ts";

/** What one release brought to the database, for as long as it matters. Stored in the database itself. */
export interface ChangeSet {
  readonly app: string;
  readonly release: number;
  readonly state: ChangeSetState;
  readonly plan: Plan;
  /** Its contract is due, and softly made: nothing is removed before this time, in milliseconds since 1970. */
  readonly keptUntilMs?: number | null | undefined;
}

/**
 * `expanding` and `expanded`: both sides of the change are there. `contracting`: no way back any more. `reverting` and `reverted`: taken back;
 * what held data of its own was kept.
 */
export type ChangeSetState = "expanding" | "expanded" | "contracting" | "contracted" | "reverting" | "reverted";

export function isPending({ state }: ChangeSet): boolean {
  return state === "expanding" || state === "expanded" || state === "contracting" || state === "reverting";
}

/** Its contract is still to come, or to come to its end. */
export function awaitsContract({ state }: ChangeSet): boolean {
  return state === "expanded" || state === "contracting";
}

/** Older releases cannot use the database any more. */
export function hasTakenAway({ state, plan }: ChangeSet): boolean {
  const begun = state === "contracting" || state === "contracted";
  return begun && takesAway({ plan });
}

/** Whether its contract ends the way back to older releases. */
export function takesAway({ plan }: Pick<ChangeSet, "plan">): boolean {
  return plan.actions.some(({ phase, id }) => phase === "contract" && id !== "c0");
}

/**
 * The schemas in which a release looks for names: its own overlay, those of the changes before it that still stand, and then wherever the role
 * of the URL looks by itself.
 */
export function searchPath(sets: readonly ChangeSet[], release: number, path: readonly string[]): readonly string[] {
  const overlays = sets
    .filter((set) => set.release <= release && isPending(set) && set.plan.overlay !== null)
    .toSorted((one, other) => other.release - one.release)
    .flatMap(({ plan }) => (plan.overlay === null ? [] : [plan.overlay]));
  return [...overlays, ...path];
}
