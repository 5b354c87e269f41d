import { HitlessError } from "../../base/error.ts";
import type { ChangeSet, ChangeSetState } from "../../database/change-set.ts";
import { statementsOf, type Action, type Plan } from "../../database/plan/action.ts";
import { isRelation, keptBy, KeptObjects } from "../../database/plan/leftovers.ts";
import { runBackfill } from "./backfill.ts";
import { incomplete, recordText } from "./backfill-words.ts";
import { takenBack, unswapNames } from "./soft-swap.ts";
import { runStep, type StepRunner } from "./steps.ts";

/** Everything before the first new instance. What the journal has is not done again; a plan that was begun is gone on with as it was. */
export async function expand(runner: StepRunner, plan: Plan): Promise<ChangeSet> {
  if (plan.refusals.length > 0) throw refused(plan);
  const before = (await runner.lease.changeSets()).find(({ release }) => release === plan.release);
  if (before?.state === "expanded" || before?.state === "contracting" || before?.state === "contracted") return before;
  if (before?.state === "reverting") await revert(runner, plan.release);
  const set: ChangeSet = {
    app: plan.app,
    release: plan.release,
    state: "expanding",
    plan: before?.state === "expanding" ? before.plan : plan,
  };
  await runner.lease.save(set);
  await runAll(runner, set, "expand");
  return settle(runner, set, "expanded");
}

/**
 * Everything that waits until no older release is left. There is no way back from it: `may` is asked once more after the database says that it
 * has begun, so that an older release that is started meanwhile either sees that or is seen.
 */
export async function contract(runner: StepRunner, release: number, may: () => boolean = () => true): Promise<ChangeSet> {
  const set = await known(runner, release);
  if (set.state === "contracted") return set;
  if (set.state !== "expanded" && set.state !== "contracting") throw notExpanded(set);
  await runner.lease.save({ ...set, state: "contracting" });
  if (!may()) return settle(runner, set, set.state);
  await unswapNames(runner, set, ({ binds }) => binds === true);
  await runAll(runner, set, "contract");
  return settle(runner, set, "contracted");
}

/** Takes back what a release brought, the last first; what holds data that is nowhere else stays, and is named. */
export async function revert(
  runner: StepRunner,
  release: number,
): Promise<{ readonly set: ChangeSet; readonly kept: readonly string[] }> {
  const set = await known(runner, release);
  if (set.state === "contracting" || set.state === "contracted") throw noWayBack(set);
  await runner.lease.save({ ...set, state: "reverting" });
  await unswapNames(runner, set);
  const states = new Map((await runner.lease.journal(release)).map(({ action, state }) => [action, state]));
  const kept: string[] = [];
  const done = set.plan.actions.filter(({ phase }) => phase === "expand");
  const isForsaken = forsaken(set.plan, states);
  for (const action of done.toReversed()) {
    const state = states.get(action.id);
    // Without a journal row, what runs outside of a transaction may have been begun all the same.
    if (action.run.kind === "backfill" && action.run.backfill.once === true && state === "running") {
      // Half of it cannot be taken back: it is brought to its end, so that each row was changed exactly once.
      await runAll(runner, { ...set, plan: { ...set.plan, actions: [action] } }, "expand");
    }
    if (state === "undone" || (state === undefined && action.run.kind !== "alone")) continue;
    if (state !== undefined && !isForsaken(action) && (await holdsData(runner, action))) {
      kept.push(action.title);
      await runStep(runner, { release, action: action.id, sql: [], mark: "kept" }, action);
      continue;
    }
    runner.note(`taking back: ${action.title}`);
    await runStep(runner, { release, action: action.id, sql: action.undo, mark: "undone" }, action);
  }
  return { set: await settle(runner, set, "reverted"), kept };
}

async function holdsData({ lease }: StepRunner, { keepIf }: Action): Promise<boolean> {
  return keepIf !== undefined && (await lease.ask(keepIf).catch(() => false));
}

/** What a release whose expansion never came to its end has made itself: no instance of it has begun, so nobody has written there but its own statements. */
function forsaken({ actions, adopts }: Plan, states: ReadonlyMap<string, string>): (action: Action) => boolean {
  const unfinished = actions.some(({ id, phase }) => phase === "expand" && !states.has(id));
  const adopted = new KeptObjects(adopts ?? []);
  return ({ keeps }) => {
    const kept = keptBy({ keeps });
    if (!unfinished || adopts === undefined || kept.length === 0) return false;
    return kept.every((one) => !adopted.has(one) && (isRelation(one) || one.of !== undefined));
  };
}

async function runAll(runner: StepRunner, set: ChangeSet, phase: Action["phase"]): Promise<void> {
  const journal = new Map((await runner.lease.journal(set.release)).map((row) => [row.action, row]));
  for (const action of set.plan.actions.filter((one) => one.phase === phase)) {
    const row = journal.get(action.id);
    if (row?.state === "done") continue;
    runner.note(action.title);
    const request = { release: set.release, action: action.id, mark: "done" as const };
    const { run } = action;
    if (run.kind === "backfill") {
      const from = row?.state === "running" ? row.cursor : null;
      const record = await runBackfill(runner, { release: set.release, action, backfill: run.backfill, from }, runner.backfill);
      runner.note(recordText(action, record));
      if (record.failed.length > 0) throw incomplete(action, record);
      await runStep(
        runner,
        { ...request, sql: [] },
        { ...action, table: null, lock: null, run: { kind: "transaction", sql: [] } },
      );
    } else {
      const sql = run.kind === "alone" ? [run.sql] : [...takenBack(set, action, [...journal.values()]), ...run.sql];
      const places = statementsOf(set.plan, action).map(({ position }) => position);
      await runStep(runner, { ...request, sql, places }, action);
    }
  }
}

async function settle(runner: StepRunner, set: ChangeSet, state: ChangeSetState): Promise<ChangeSet> {
  const settled = { ...set, state };
  await runner.lease.save(settled);
  return settled;
}

async function known(runner: StepRunner, release: number): Promise<ChangeSet> {
  const set = (await runner.lease.changeSets()).find((one) => one.release === release);
  if (set !== undefined) return set;
  throw new HitlessError({
    code: "ERR_RELEASE_UNKNOWN",
    what: `Release r${String(release)} has changed nothing in this database.`,
    next: "`hitless db status` shows the releases that have.",
  });
}

function refused({ refusals }: Plan): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `${String(refusals.length)} statement${refusals.length === 1 ? "" : "s"} cannot be made safe as written.`,
    next: "Nothing was changed. Change the SQL as it says above, and deploy again.",
    details: refusals.flatMap(({ position, rule, why, write }) => [
      `${position.path}:${String(position.line)}: ${rule}: ${why}`,
      ...write.map((line) => `    ${line}`),
    ]),
  });
}

function notExpanded({ release, state }: ChangeSet): HitlessError {
  return new HitlessError({
    code: "ERR_CONTRACT_WAITS",
    what: `The changes of r${String(release)} are ${state}, not expanded.`,
    next: "Deploy the release first.",
  });
}

function noWayBack({ release }: ChangeSet): HitlessError {
  return new HitlessError({
    code: "ERR_CONTRACT_WAITS",
    what: `The changes of r${String(release)} can no longer be taken back: what older releases used is gone.`,
    next: "Deploy a release that brings back what you need.",
  });
}
