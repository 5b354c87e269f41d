import type { Catalog, Table } from "../../database/catalog.ts";
import { overlaySchema } from "../../database/names.ts";
import type { Notice, Plan, Refusal } from "../../database/plan/action.ts";
import {
  causeOf,
  failedSync,
  readsText,
  sampleWrites,
  syncedTables,
  type FailedSync,
  type SyncedTable,
} from "../../database/shadow/synced.ts";
import { dependsOnRows } from "../../database/shadow/verdicts.ts";
import type { Shadow, ShadowFailure, Viewpoint } from "../../ports/shadow.ts";

export interface SyncTrial {
  readonly plan: Plan;
  readonly catalog: Catalog;
  readonly running: Viewpoint;
  readonly next: Viewpoint;
  /** What can fail on the copy only. */
  readonly isOfTheCopy: (failure: ShadowFailure) => boolean;
}

export interface SyncVerdicts {
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Notice[];
}

/** Writes made-up rows as each release would, on the expanded copy, and takes them back: what keeps the releases in step is called by writes alone. */
export async function fireSyncs(shadow: Shadow, trial: SyncTrial): Promise<SyncVerdicts> {
  const { plan, catalog, running, next } = trial;
  const refusals: Refusal[] = [];
  const notices: Notice[] = [];
  for (const synced of syncedTables(plan, catalog)) {
    const columns = await shadow.columns(synced.table);
    const sides = [
      { as: running, who: "the running release", seen: await seenBy(shadow, catalog, synced.table) },
      { as: next, who: "the new release", seen: await seenBy(shadow, catalog, { ...synced.table, ...synced.view }) },
    ];
    for (const { as, who, seen } of sides) {
      const writes = sampleWrites(catalog, synced.table, seen);
      const failures = await failuresOf(shadow, trial, { synced, as, writes });
      const [first] = failures;
      if (first === undefined) continue;
      const { code, message, target, expression } = first;
      const text = `on a copy of the database, a write of ${who} to ${synced.table.name} fails where ${target} is kept in step as ${expression}: ${message} (${code})`;
      const { position, statement } = causeOf(plan, synced, target);
      const always = failures.length === writes.length && dependsOnRows(code) && !readsText(expression, columns);
      if (always || isWrong(code)) refusals.push({ rule: "sync-fails", position, statement, why: text, write: [] });
      else notices.push({ rule: "sync-may-fail", position, text: `${text}; the values are made up` });
    }
  }
  return { refusals, notices };
}

/** SQLSTATEs of what is wrong whatever the values are: names, types, what PostgreSQL cannot do. */
const isWrong = (code: string): boolean => code.startsWith("42") || code.startsWith("0A");

/** The columns are those of the copy: before the expansion's own ones, or of the view. */
async function seenBy(shadow: Shadow, catalog: Catalog, table: Table): Promise<Table> {
  const columns = await shadow.columns(table);
  const known = catalog.tables.find(({ schema, name }) => schema === table.schema && name === table.name);
  return {
    ...table,
    columns: columns.flatMap(({ name, type }) => {
      const column = table.columns.find((one) => one.name === name);
      if (known !== undefined) return column === undefined ? [] : [column];
      return [{ name, type, notNull: true, default: null, identity: null, generated: null, collation: null, nullFraction: null }];
    }),
  };
}

interface SideTrial {
  readonly synced: SyncedTable;
  readonly as: Viewpoint;
  readonly writes: readonly (readonly string[])[];
}

type SyncFailure = FailedSync & Pick<ShadowFailure, "code" | "message">;

/** Of each write that fails in a trigger of the plan. */
async function failuresOf(
  shadow: Shadow,
  { plan, isOfTheCopy }: SyncTrial,
  { synced, as, writes }: SideTrial,
): Promise<readonly SyncFailure[]> {
  const overlay = overlaySchema(plan.app, plan.release);
  const failures: SyncFailure[] = [];
  for (const write of writes) {
    const failure = await shadow.write(write, as);
    if (failure === null || isOfTheCopy(failure)) continue;
    const sync = failedSync(synced, overlay, failure.where);
    if (sync !== null) failures.push({ ...failure, ...sync });
  }
  return failures;
}
