import { HitlessError } from "../../base/error.ts";
import type { DatabaseSpec } from "../../core/database-spec.ts";
import { isPending, takesAway, type ChangeSet } from "../../database/change-set.ts";
import { inTheWay } from "../../database/overlap.ts";
import type { Plan } from "../../database/plan/action.ts";
import { contract, revert } from "./runner.ts";
import { softly } from "./soft-contract.ts";
import type { StepRunner } from "./steps.ts";

/** A release that comes, and what runs while it does. */
export interface Coming {
  readonly release: number;
  readonly spec: DatabaseSpec;
  /** Before there is a deployment: an earlier release keeps its way back for as long as it was promised. */
  readonly ahead: boolean;
  /** Releases with instances. */
  readonly live: readonly number[];
}

/**
 * Changes of earlier releases that nobody runs are taken back, the last first; those that everybody runs are contracted, the first first. Gives
 * those that can do neither yet, or not unless they must: from the first of them on all stay, so that the last is always the first to be taken back.
 */
export async function settleEarlier(runner: StepRunner, coming: Coming): Promise<readonly ChangeSet[]> {
  const { release, spec, live } = coming;
  const earlier = (await runner.lease.changeSets()).filter((set) => set.release < release && isPending(set));
  const isAbandoned = (set: ChangeSet): boolean => set.state !== "contracting" && live.every((number) => number < set.release);
  for (const set of earlier.filter(isAbandoned).toReversed()) await takeBack(runner, set.release);
  const waiting: ChangeSet[] = [];
  for (const set of earlier.filter((one) => !isAbandoned(one))) {
    if (waiting.length === 0 && mayContract(set, coming) && !softly(set, spec)) await contract(runner, set.release);
    else waiting.push(set);
  }
  return waiting;
}

/** Sums of the procedures that the changes which wait have brought. */
export function standing(waiting: readonly ChangeSet[]): readonly string[] {
  const last = waiting.at(-1);
  return last?.state === "expanded" ? (last.plan.procedures ?? []) : [];
}

/**
 * What is kept for going back stays beside a release that changes other objects; what the release changes too is contracted, with all before it.
 * Gives those that stay. @throws ERR_CONTRACT_WAITS where an older release still needs what would go
 */
export async function makeRoom(
  runner: StepRunner,
  { waiting, plan, ...coming }: Coming & { readonly waiting: readonly ChangeSet[]; readonly plan: Plan },
): Promise<readonly ChangeSet[]> {
  if (!changes(plan)) return waiting;
  const needed = waiting.find((set) => !isKept(set, coming));
  if (needed !== undefined) throw stillWaits(needed);
  const going = inTheWay(plan, waiting);
  const forbidden = going.find(({ set }) => !mayContract(set, coming));
  if (forbidden !== undefined) throw stillWaits(forbidden.set);
  for (const { set, names } of going) {
    runner.note(
      `what r${String(set.release)} has kept for going back goes now, as this release changes ${names.join(", ")} again`,
    );
    await contract(runner, set.release);
  }
  return waiting.slice(going.length);
}

export async function takeBack(runner: StepRunner, release: number): Promise<void> {
  const { kept } = await revert(runner, release);
  for (const title of kept) runner.note(`kept, because it holds data: ${title}`);
}

export const changes = ({ actions, refusals }: Plan): boolean => actions.length > 0 || refusals.length > 0;

/** No older release runs; what is behind a set that is kept has nothing to take away, or is kept itself. */
function isKept(set: ChangeSet, { spec, live }: Coming): boolean {
  return live.every((number) => number >= set.release) && (softly(set, spec) || !takesAway(set)) && set.state === "expanded";
}

function mayContract(set: ChangeSet, { ahead, live }: Coming): boolean {
  return (!ahead || !takesAway(set)) && live.every((number) => number >= set.release);
}

function stillWaits({ release }: ChangeSet): HitlessError {
  return new HitlessError({
    code: "ERR_CONTRACT_WAITS",
    what: `The database changes of r${String(release)} are not finished: an older release still runs.`,
    why: "A further change would have to fit three releases at once.",
    next: "Wait until the standby's window is over, or end it, and deploy again. `hitless db status` shows what is waited for, and `hitless db contract` ends the time for which old columns are kept.",
  });
}
