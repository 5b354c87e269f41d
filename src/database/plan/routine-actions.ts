import type { Routine } from "../catalog.ts";
import { ident, keptName } from "../names.ts";
import type { RoutineChange, RoutineChanges } from "./bound-routines.ts";
import { carryOverRoutine } from "./carry-over.ts";
import type { PlanDraft, SwapDraft } from "./draft.ts";
import { forwarderOf, type Forwarder } from "./forwarders.ts";
import { asBase, asRelease } from "./look-up.ts";
import { createOwnSql, createSql, isAtomic, isBound, replaceable, signed, what, type WantedRoutine } from "./routine-text.ts";

const NO_LOCK = { table: null, lock: null, work: "instant" } as const;

const dropSql = (routine: WantedRoutine, schema: string): string =>
  `DROP ${what(routine.node)} IF EXISTS ${signed(schema, routine)}`;
const kindOf = ({ kind }: Routine): string => (kind === "procedure" ? "PROCEDURE" : "FUNCTION");
const dropOld = (old: Routine): string => `DROP ${kindOf(old)} IF EXISTS ${signed(old.schema, old)}`;

export function createInBase(draft: PlanDraft, routine: WantedRoutine, stage: "shape" | "sync" = "sync"): void {
  draft.placed.set(routine.name, "base");
  draft.act({
    stage,
    phase: "expand",
    title: `make ${routine.name}()`,
    run: {
      kind: "transaction",
      // Its body may speak of what is there only when the release is.
      sql: ["SET LOCAL check_function_bodies = off", asRelease(draft), createSql(draft, routine, draft.schema)],
    },
    ...NO_LOCK,
    undo: [dropSql(routine, draft.schema)],
  });
}

/** What is bound to columns that the contract drops is gone before that: nobody calls the base's any more. Who is bound to another one goes before that. */
export function dropFirst(draft: PlanDraft, { ordered, first }: RoutineChanges): void {
  for (const change of ordered.toReversed()) {
    const bound = replaced(change).filter((old) => first.has(old));
    if (bound.length === 0) continue;
    draft.act({
      stage: "unview",
      phase: "contract",
      title: `drop ${change.routine.name}() of old releases, which is bound to what goes`,
      run: { kind: "transaction", sql: [...carried(draft, change), ...bound.map(dropOld)] },
      ...NO_LOCK,
    });
  }
}

/** The release gets its own, under the same name; the contract makes the base's what that is. */
export function overlayRoutine(draft: PlanDraft, change: RoutineChange, changes: RoutineChanges): void {
  const { routine, copy } = change;
  if (copy !== true) draft.placed.set(routine.name, "overlay");
  const release = `release r${String(draft.release)}`;
  const forwarders = forwardersOf(draft, change);
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: copy === true ? `let ${routine.name}() see what ${release} sees` : `give ${release} its own ${routine.name}()`,
    run: {
      kind: "transaction",
      sql: [asRelease(draft), createOwnSql(draft, routine), ...carried(draft, change), ...forwarders.map(({ create }) => create)],
    },
    ...NO_LOCK,
    undo: [...forwarders.map(({ drop }) => drop), dropSql(routine, draft.overlay)],
  });
  const place = placeOf(draft, change, changes);
  if (place === null) return;
  draft.act({
    stage: "flatten",
    phase: "contract",
    title: `make ${routine.name}() what ${release} calls`,
    run: { kind: "transaction", sql: [asBase(draft), ...forwarders.map(({ drop }) => drop), ...place.sql] },
    ...NO_LOCK,
    swap: copy === true ? undefined : swapRoutine(draft, change, place.gone),
  });
}

/** The release's own goes, where the base's takes its place; who is bound to another one goes before that. */
export function dropOwn(draft: PlanDraft, changes: RoutineChanges): void {
  for (const change of changes.ordered.toReversed()) {
    const place = placeOf(draft, change, changes);
    if (place !== null && place.own !== "stays") continue;
    draft.act({
      stage: "unbind",
      phase: "contract",
      title: `let ${change.routine.name}() be the base's again`,
      run: { kind: "transaction", sql: [dropSql(change.routine, draft.overlay)] },
      ...NO_LOCK,
    });
  }
}

interface Place {
  readonly sql: readonly string[];
  /** Of the base. */
  readonly gone: readonly Routine[];
  /** What becomes of the release's own; it stays where others are bound to it. */
  readonly own: "moves" | "goes" | "stays";
}

/** How the base's becomes what the release's is; null: it is that. */
function placeOf(draft: PlanDraft, change: RoutineChange, { first, called }: RoutineChanges): Place | null {
  const { routine, same, others, copy } = change;
  const stays = same !== null && !first.has(same) && (copy === true || replaceable(draft, same, routine));
  if (stays && copy === true) return null;
  const gone = stays ? others : replaced(change);
  const dropped = gone.filter((old) => !first.has(old)).map(dropOld);
  if (stays) {
    const sql = [...dropped, createSql(draft, routine, draft.schema)];
    if (called.has(change)) return { sql, gone, own: "stays" };
    return { sql: [...sql, dropSql(routine, draft.overlay)], gone, own: "goes" };
  }
  // It moves as it is, with all that it carries, and only its body is read anew.
  const moved = `ALTER ROUTINE ${signed(draft.overlay, routine)} SET SCHEMA ${ident(draft.schema)}`;
  return { sql: [...carried(draft, change), ...dropped, createSql(draft, routine, draft.overlay), moved], gone, own: "moves" };
}

const forwardersOf = (draft: PlanDraft, { routine, others }: RoutineChange): readonly Forwarder[] =>
  others.map((old) => forwarderOf(draft, routine, old)).filter((one) => one !== null);

const replaced = ({ same, others }: RoutineChange): readonly Routine[] => (same === null ? others : [same, ...others]);

/** What the base's carries is the release's, too. */
function carried(draft: PlanDraft, change: RoutineChange): readonly string[] {
  const [before] = replaced(change);
  return before === undefined ? [] : [carryOverRoutine(signed(before.schema, before), signed(draft.overlay, change.routine))];
}

/** The base gets the release's; what it replaces stays, as text or under another name. */
function swapRoutine(draft: PlanDraft, { routine, same }: RoutineChange, gone: readonly Routine[]): SwapDraft {
  const text = same === null || gone.includes(same) || isBound(draft.language, same) ? null : same.definition;
  const moved = text === null && same !== null && !gone.includes(same) ? [same, ...gone] : gone;
  const renames = moved.map((one) => {
    const kept = { ...one, name: keptName(draft.release, one.name) };
    return {
      there: `ALTER ${kindOf(one)} ${signed(one.schema, one)} RENAME TO ${ident(kept.name)}`,
      back: `ALTER ${kindOf(one)} ${signed(kept.schema, kept)} RENAME TO ${ident(one.name)}`,
    };
  });
  const [first] = moved;
  const kept = first === undefined ? null : signed(first.schema, { ...first, name: keptName(draft.release, first.name) });
  const made = signed(draft.schema, routine);
  const carryOver = (from: string | null, to: string | null): readonly string[] =>
    text !== null || from === null || to === null ? [] : [carryOverRoutine(from, to)];
  const binds = isAtomic(routine.node) || [same, ...gone].some((one) => one !== null && isBound(draft.language, one));
  return {
    binds,
    sql: [...renames.map(({ there }) => there), createSql(draft, routine, draft.schema), ...carryOver(kept, made)],
    undo: [
      ...carryOver(made, kept),
      ...(text === null
        ? [`DROP ${what(routine.node)} IF EXISTS ${made}`]
        : // The tables that its body speaks of get their names back after it.
          ["SET LOCAL check_function_bodies = off", text]),
      ...renames.map(({ back }) => back),
    ],
  };
}
