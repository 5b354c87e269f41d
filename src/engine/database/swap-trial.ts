import type { Catalog } from "../../database/catalog.ts";
import type { Action, Notice, Plan } from "../../database/plan/action.ts";
import { sampleWrites, syncedTables } from "../../database/shadow/synced.ts";
import { dependsOnRows } from "../../database/shadow/verdicts.ts";
import type { Shadow, ShadowFailure, Viewpoint } from "../../ports/shadow.ts";

export interface SwapTrial {
  readonly plan: Plan;
  readonly catalog: Catalog;
  readonly next: Viewpoint;
  readonly isOfTheCopy: (failure: ShadowFailure) => boolean;
}

export interface SwapVerdict {
  /** Without its swaps where they do not work: a soft contract then leaves the base its old names until the end. */
  readonly plan: Plan;
  readonly notices: readonly Notice[];
  /** The copy is as it was before. */
  readonly restored: boolean;
}

/** On the expanded copy, as a soft contract does it: the base gets the release's names, the release and others write, and the base gets its own back. */
export async function trySwaps(shadow: Shadow, trial: SwapTrial): Promise<SwapVerdict> {
  const { plan } = trial;
  const done: Action[] = [];
  let failure: string | null = null;
  for (const swap of plan.swaps ?? []) {
    const outcome = await shadow.run(swap);
    failure = outcome.kind === "failed" ? wrong(trial, swap.title, outcome) : null;
    if (outcome.kind === "failed") break;
    done.push(swap);
  }
  if (failure === null && done.length === (plan.swaps ?? []).length) failure = await writeSwapped(shadow, trial);
  let restored = true;
  for (const swap of done.toReversed()) {
    const outcome = await shadow.run({ ...swap, run: { kind: "transaction", sql: swap.undo } });
    if (outcome.kind !== "failed") continue;
    restored = false;
    failure ??= wrong(trial, `giving back: ${swap.title}`, outcome);
    break;
  }
  if (failure === null) return { plan, notices: [], restored };
  const text = `a soft contract will leave the base its old names until its end: on a copy of the database, ${failure}`;
  const position = plan.statements[0]?.position ?? null;
  return { plan: withoutSwaps(plan), notices: [{ rule: "does-not-run", position, text }], restored };
}

/** What the failure says of the real database; null: nothing. */
function wrong({ isOfTheCopy }: SwapTrial, title: string, failure: ShadowFailure): string | null {
  if (isOfTheCopy(failure) || dependsOnRows(failure.code)) return null;
  return `"${title}" fails: ${failure.message} (${failure.code})`;
}

/** Through the release's view, and to the base by the release's names. */
async function writeSwapped(shadow: Shadow, trial: SwapTrial): Promise<string | null> {
  const { plan, catalog, next } = trial;
  const swapped = new Set((plan.swaps ?? []).map(({ table }) => table));
  for (const { table, view, action } of syncedTables(plan, catalog)) {
    if (view === null || !swapped.has(action.table)) continue;
    const base = { ...table, name: view.name };
    // A view does not say to which of its columns the base lets nobody write.
    const own = new Set((await shadow.columns(base)).map(({ name }) => name));
    const columns = (await shadow.columns(view)).filter(({ name }) => own.has(name)).map((column) => ({ ...column, ...UNKNOWN }));
    const seen = [
      { ...base, ...view, columns },
      { ...base, columns },
    ];
    for (const write of seen.flatMap((relation) => sampleWrites(catalog, base, relation))) {
      const failure = await shadow.write(write, next);
      const failed =
        failure === null || !/^(42|0A)/.test(failure.code) || !failure.where.includes("PL/pgSQL")
          ? null
          : wrong(trial, `a write to ${view.name} meanwhile`, failure);
      if (failed !== null) return failed;
    }
  }
  return null;
}

const UNKNOWN = { notNull: true, default: null, identity: null, generated: null, collation: null, nullFraction: null } as const;

function withoutSwaps({ swaps: _, ...plan }: Plan): Plan {
  return { ...plan, actions: plan.actions.map(({ over: _over, ...action }) => action) };
}
