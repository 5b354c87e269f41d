import type { Routine } from "../catalog.ts";
import { dependenciesFirst } from "../../base/order.ts";
import { mentions } from "../names.ts";
import type { PlanDraft } from "./draft.ts";
import { renamedColumns } from "./final-names.ts";
import { isAtomic, isBound, needsOverlay, replaceable, routineSql, wantedRoutine, type WantedRoutine } from "./routine-text.ts";

/*
 * A body in BEGIN ATOMIC is read when the routine is made: what it speaks of is found then, and cannot go while the routine is there (PostgreSQL,
 * CREATE FUNCTION, sql_body). So it is made after what it calls, sees another table only as another routine, and goes before the columns that it reads.
 */

/** A routine as the release wants it, and what it takes the place of. */
export interface RoutineChange {
  readonly routine: WantedRoutine;
  /** The base's, of the same arguments. */
  readonly same: Routine | null;
  /** The base's of its name, which go with the contract. */
  readonly others: readonly Routine[];
  /** It is as it was, but sees what the release sees. */
  readonly copy?: boolean | undefined;
}

export interface RoutineChanges {
  /** What another one is bound to comes before that. */
  readonly ordered: readonly RoutineChange[];
  /** Those of the base that are gone before the contract changes tables. */
  readonly first: ReadonlySet<Routine>;
  /** Those of the release that are bound to its views. */
  readonly afterViews: ReadonlySet<RoutineChange>;
  /** Those to which another one is bound. */
  readonly called: ReadonlySet<RoutineChange>;
}

/** @param views names of those that the release makes, changes or drops */
export function boundChanges(
  draft: PlanDraft,
  changes: readonly RoutineChange[],
  { stays, views }: { readonly stays: readonly WantedRoutine[]; readonly views: ReadonlySet<string> },
): RoutineChanges {
  const first = goingFirst(draft, changes, views);
  const all = [...changes, ...copiesOf(draft, changes, { stays, views, first })];
  const texts = new Map(all.map((change) => [change, routineSql(draft.language, change.routine)]));
  const bound = all.filter(({ routine }) => isAtomic(routine.node));
  const calls = new Map(
    bound.map((change) => [
      change,
      all.filter((other) => other !== change && mentions(texts.get(change) ?? "", [other.routine.name])),
    ]),
  );
  const callsOf = (change: RoutineChange): readonly RoutineChange[] => calls.get(change) ?? [];
  const ordered = dependenciesFirst(all, callsOf);
  const afterViews = new Set<RoutineChange>();
  for (const change of ordered) {
    const reads = calls.has(change) && mentions(texts.get(change) ?? "", [...views]);
    if (reads || callsOf(change).some((other) => afterViews.has(other))) afterViews.add(change);
  }
  return { ordered, first, afterViews, called: new Set(ordered.flatMap(callsOf)) };
}

/** What is bound to a column or a view that goes, or to a routine that goes. */
function goingFirst(draft: PlanDraft, changes: readonly RoutineChange[], views: ReadonlySet<string>): ReadonlySet<Routine> {
  const replaced = changes.flatMap(({ routine, same, others }) =>
    same === null || replaceable(draft, same, routine) ? others : [same, ...others],
  );
  const bound = ofBase(draft).filter((routine) => isBound(draft.language, routine));
  const readsWhatGoes = ({ definition }: Defined): boolean =>
    mentions(definition, [...views]) ||
    draft.tables.some(({ physical, dropped }) => mentions(definition, [physical.name]) && mentions(definition, dropped));
  return withReaders(bound.filter(readsWhatGoes), bound, new Set(replaced.map(({ name }) => name)));
}

/**
 * Routines of the base that the release does not change, but whose own search_path, or whose bound body, hides its overlay from them. One that is bound
 * to a column which only gets another name finds that, and stays as it is.
 */
function copiesOf(
  draft: PlanDraft,
  changes: readonly RoutineChange[],
  { stays, views, first }: { stays: readonly WantedRoutine[]; views: ReadonlySet<string>; first: ReadonlySet<Routine> },
): readonly RoutineChange[] {
  const known = new Set([
    ...changes.map(({ routine }) => routine.name),
    ...stays.map(({ name }) => name),
    ...draft.droppedRoutines,
  ]);
  const seen = draft.tables.filter(({ seenDifferently }) => seenDifferently);
  const isRenamedIn = ({ definition }: Defined): boolean =>
    seen.some((table) => mentions(definition, [table.physical.name]) && mentions(definition, renamedColumns(table)));
  const hidden = ofBase(draft).flatMap((routine) => {
    const mayHide = !known.has(routine.name) && /\bLANGUAGE sql\b|\bsearch_path\b/i.test(routine.definition);
    const [statement] = mayHide ? draft.language.parse(routine.definition) : [];
    if (statement === undefined || !needsOverlay(statement.node)) return [];
    const findsItself = isAtomic(statement.node) && !first.has(routine) && isRenamedIn(routine);
    return findsItself ? [] : [{ routine: wantedRoutine(draft.language, statement.node), same: routine, others: [], copy: true }];
  });
  const names = new Set([
    ...seen.flatMap(({ physical, name }) => [physical.name, name.name]),
    ...changes.map(({ routine }) => routine.name),
    ...views,
  ]);
  const copied = withReaders(
    [],
    hidden.map(({ same }) => same),
    names,
  );
  return hidden.filter(({ same }) => copied.has(same));
}

/** A routine whose text PostgreSQL gives. */
type Defined = Routine & { readonly definition: string };

const ofBase = ({ catalog, schema }: PlanDraft): readonly Defined[] =>
  catalog.routines.filter((routine): routine is Defined => routine.schema === schema && routine.definition !== null);

/** Those that are given, and those of `all` that speak of them, or of one of the names, or of one who does. */
function withReaders(given: readonly Defined[], all: readonly Defined[], names: ReadonlySet<string>): ReadonlySet<Routine> {
  const found = new Set(given);
  const spoken = new Set([...names, ...given.map(({ name }) => name)]);
  const speaks = ({ name, definition }: Defined): boolean =>
    mentions(
      definition,
      [...spoken].filter((one) => one !== name),
    );
  for (;;) {
    const next = all.find((one) => !found.has(one) && speaks(one));
    if (next === undefined) return found;
    found.add(next);
    spoken.add(next.name);
  }
}
