import { HitlessError } from "../../base/error.ts";
import type { Action, LockMode } from "../../database/plan/action.ts";
import type { Position } from "../../database/source/position.ts";
import type { Blocker, DatabaseLease, StepOutcome, StepRequest } from "../../ports/database.ts";
import { errorCode, named, nextAfter, placed } from "./action-words.ts";
import type { BackfillOptions } from "./backfill-options.ts";
import { unlessLeft } from "./leaving.ts";
import { pause, type Patience } from "./patience.ts";

/** Builds that run beside everybody: waiting in the queue for their weak lock hurts nobody. */
const UNHURRIED: readonly LockMode[] = ["SHARE UPDATE EXCLUSIVE"];
/** What a blocker has to be told of again only after this. */
const QUIET_MS = 5_000;

export interface StepRunner {
  readonly lease: DatabaseLease;
  readonly patience: Patience;
  /** How rows are filled; none: at full speed. */
  readonly backfill?: BackfillOptions | undefined;
  /** What people should know while it goes on. */
  readonly note: (text: string) => void;
}

interface Step extends Omit<StepRequest, "lockTimeoutMs" | "which"> {
  /** Where each of its statements stands; none: they are of one. */
  readonly places?: readonly Position[];
}

/** Tries until it is done, the patience ends, or PostgreSQL says no. */
export async function runStep(runner: StepRunner, { places = [], ...request }: Step, action: Action): Promise<void> {
  const { lease, patience } = runner;
  const alone = action.run.kind === "alone" && request.mark === "done" ? action.run : null;
  const outside = alone !== null || (request.mark === "undone" && action.undoAlone === true);
  const unhurried = outside && action.lock !== null && UNHURRIED.includes(action.lock);
  const attempt = async (): Promise<StepOutcome> => {
    const cutOff = patience.cutOff?.();
    const wanted = { ...request, lockTimeoutMs: unhurried ? 0 : patience.lockTimeoutMs, cutOff, which: places.length > 0 };
    if (alone === null) return leaving(patience, outside ? lease.alone(wanted) : lease.step(wanted));
    const { repair } = alone;
    if (repair !== undefined && (await isSo(lease, repair.broken))) {
      const sql = "found" in repair ? await lease.texts(repair.found) : [repair.sql];
      const cleared = await leaving(patience, lease.alone({ ...wanted, sql, mark: "undone" }));
      // None of it is written in a file.
      if (cleared.kind !== "done") return cleared.kind === "refused" ? { ...cleared, at: undefined } : cleared;
    }
    return leaving(patience, (await isSo(lease, alone.done)) ? lease.step({ ...wanted, sql: [] }) : lease.alone(wanted));
  };
  await untilDone(runner, action, attempt, places);
}

/** What cannot be asked (a table that is not there) is not so: the statement itself says better what is wrong. */
function isSo(lease: DatabaseLease, sql: string): Promise<boolean> {
  return lease.ask(sql).catch(() => false);
}

/** A runner that ends without cutting its statement off leaves it to the server, whose journal says what became of it. */
function leaving({ signal, cutOff }: Patience, statement: Promise<StepOutcome>): Promise<StepOutcome> {
  if (cutOff === undefined) return statement;
  const cut = cutOff().signal;
  return unlessLeft(statement, signal, () => !cut.aborted);
}

/** `places`: where the statements stand of which the action is made; none: it is made of one. */
export async function untilDone(
  runner: StepRunner,
  action: Action,
  attempt: () => Promise<StepOutcome>,
  places: readonly Position[] = [],
): Promise<void> {
  const { lease, patience } = runner;
  const until = patience.clock.now() + patience.limitMs;
  let told = -Infinity;
  for (let tries = 0; ; tries++) {
    patience.signal.throwIfAborted();
    const ahead = await holdersAhead(lease, action);
    const outcome: StepOutcome = ahead.length > 0 ? { kind: "locked", blockers: ahead } : await attempt();
    if (outcome.kind === "done") return;
    if (outcome.kind === "refused") throw failed({ ...action, cause: places[outcome.statement ?? -1] ?? action.cause }, outcome);
    if (outcome.kind === "lost") throw lost(action, outcome.message);
    // Whoever has ended it says so with the signal; a limit of the server's may be over a moment before that.
    if (outcome.kind === "cut") {
      await pause(patience, tries);
      continue;
    }
    if (patience.clock.now() >= until) throw locked(action, outcome.blockers, patience.limitMs);
    if (outcome.blockers.length > 0 && patience.clock.now() - told >= QUIET_MS) {
      told = patience.clock.now();
      runner.note(`${action.title}: waiting for ${outcome.blockers.map(blockerText).join("; ")}`);
    }
    await pause(patience, tries);
  }
}

/** A lock that would wait behind a long transaction is not asked for: everybody would queue behind it. */
async function holdersAhead(lease: DatabaseLease, { table, lock }: Action): Promise<readonly Blocker[]> {
  if (table === null || lock === null || lock === "ROW EXCLUSIVE" || UNHURRIED.includes(lock)) return [];
  return lease.holders(table, lock);
}

/** `pid 4711 (psql of ada, idle in transaction for 42 s): SELECT …` */
export function blockerText({ pid, application, user, state, query, ageMs }: Blocker): string {
  const who = [application === "" ? "a client" : application, `of ${user}`].join(" ");
  return `pid ${String(pid)} (${who}, ${state} for ${String(Math.round(ageMs / 1000))} s): ${query.replace(/\s+/g, " ").slice(0, 120)}`;
}

function failed(action: Action, { code, message, at }: Extract<StepOutcome, { kind: "refused" }>): HitlessError {
  return new HitlessError({
    code: errorCode(code),
    what: `PostgreSQL refused ${placed(action, at)}.`,
    why: `${message} (SQLSTATE ${code})`,
    next: nextAfter(action, code),
  });
}

function lost(action: Action, message: string): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_UNREACHABLE",
    what: `The connection to the database was lost in ${placed(action)}.`,
    why: message,
    next: "The journal in the database says what was done; the next run goes on from there.",
  });
}

function locked(action: Action, blockers: readonly Blocker[], limitMs: number): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_LOCKED",
    what: `${named(action)} did not get its lock within ${String(Math.round(limitMs / 1000))} s.`,
    why:
      blockers.length === 0
        ? "Who held it was gone before it could be seen."
        : `In the way: ${blockers.map(blockerText).join("; ")}`,
    next: "End that transaction, for example with SELECT pg_terminate_backend(<pid>), and try again.",
  });
}
