import { lookupPath } from "../catalog.ts";
import { fitted, ident, literal, qualified } from "../names.ts";
import { sessionRelease } from "../session-release.ts";
import { quoteTable, tableLabel } from "./alter.ts";
import type { PlanDraft, SyncRule, TableDraft } from "./draft.ts";
import { rowExpression } from "./expression.ts";
import { columnsThen } from "./final-names.ts";
import { comparable } from "./types.ts";

/** Whose write it is: true for this release and later ones, false for older ones, null where the connection does not say. */
function writerIsNew(draft: PlanDraft): string {
  return `${sessionRelease(draft.app)} >= ${String(draft.release)}`;
}

/** Gives the SQL that takes them away. */
export function addSyncs(draft: PlanDraft, table: TableDraft): readonly string[] {
  const triggers = syncTriggers(draft, table, sameNames);
  if (triggers.length === 0) return [];
  draft.act({
    stage: "sync",
    phase: "expand",
    title: `keep old and new columns of ${table.name.name} in step`,
    run: { kind: "transaction", sql: triggers.flatMap(({ routine, trigger: fires }) => [routine, fires]) },
    table: tableLabel(table),
    lock: "SHARE ROW EXCLUSIVE",
    work: "instant",
    undo: triggers.flatMap(({ drop }) => drop),
  });
  return triggers.flatMap(({ drop }) => drop);
}

/** The routines of the triggers for a table whose columns have got other names; when they fire does not change with that. */
export function syncRoutines(draft: PlanDraft, table: TableDraft, nameOf: Naming): readonly string[] {
  return syncTriggers(draft, table, nameOf).map(({ routine }) => routine);
}

/** What a column of the base is called. */
export type Naming = (physical: string) => string;
export const sameNames: Naming = (physical) => physical;

interface TriggerSql {
  /** Makes or changes it. */
  readonly routine: string;
  readonly trigger: string;
  readonly drop: readonly string[];
}

function syncTriggers(draft: PlanDraft, table: TableDraft, nameOf: Naming): readonly TriggerSql[] {
  if (table.syncs.length === 0) return [];
  const rules = inOrder(table.syncs).map((rule) => valued(draft, rule, nameOf));
  return [
    insertTrigger(draft, table, { rules, nameOf }),
    ...rules.flatMap((rule, place) => updateTrigger(draft, table, { rule, place, before: rules.slice(0, place) })),
  ];
}

/** Each statement goes from what was before it to what is after it: the new side is computed with the first one first, the old side with the last one. */
function inOrder(rules: readonly SyncRule[]): readonly SyncRule[] {
  const of = (direction: SyncRule["direction"]): SyncRule[] => rules.filter((rule) => rule.direction === direction);
  return [...of("down").toReversed(), ...of("up")];
}

/** With its value as SQL over `new.` columns, and what it sets. */
interface ValuedRule extends SyncRule {
  readonly expression: string;
  readonly set: string;
  readonly isNull: string;
}

const ifNull = ({ isNull, set }: ValuedRule): string => `IF ${isNull} THEN ${set} END IF;`;

function valued(draft: PlanDraft, rule: SyncRule, nameOf: Naming): ValuedRule {
  const names = new Map([...rule.names].map(([name, physical]) => [name, nameOf(physical)]));
  const expression = rowExpression(draft.language, rule.value, names);
  const target = `NEW.${ident(nameOf(rule.target))}`;
  return { ...rule, expression, set: `${target} := ${expression};`, isNull: `${target} IS NULL` };
}

function trigger(
  draft: PlanDraft,
  table: TableDraft,
  parts: { name: string; body: string; when: string; pinned: boolean },
): TriggerSql {
  const name = fitted(`zz_hitless_r${String(draft.release)}_${parts.name}`);
  const routine = qualified({ schema: draft.overlay, name: fitted(`${table.physical.name}_${parts.name}`) });
  const schemas = [...new Set([table.physical.schema, ...lookupPath(draft.catalog)])].map(ident).join(", ");
  const path = parts.pinned ? ` SET search_path = ${schemas}, pg_temp` : "";
  return {
    routine: `CREATE OR REPLACE FUNCTION ${routine}() RETURNS trigger LANGUAGE plpgsql${path} AS ${literal(parts.body)}`,
    trigger: `CREATE OR REPLACE TRIGGER ${ident(name)} ${parts.when} EXECUTE FUNCTION ${routine}()`,
    drop: [`DROP TRIGGER IF EXISTS ${ident(name)} ON ${quoteTable(table)}`, `DROP FUNCTION IF EXISTS ${routine}()`],
  };
}

/** Expressions that call something are read with the base schema's names, whoever writes. */
const pinned = (...rules: readonly ValuedRule[]): boolean => rules.some(({ expression }) => /[\w"]\s*\(/.test(expression));

/** Whether a number that was drawn for another column is for this one too. */
function isCounted(table: TableDraft, physical: string): boolean {
  const last = columnsThen(table, "expand").get(physical);
  return table.columns.some((column) => column.physical === last && column.counted === true);
}

/** An INSERT gives either the old columns or the new ones: by the writer's release, or by what it filled in. */
function insertTrigger(
  draft: PlanDraft,
  table: TableDraft,
  { rules, nameOf }: { readonly rules: readonly ValuedRule[]; readonly nameOf: Naming },
): TriggerSql {
  const brought = new Set(
    rules.flatMap(({ newColumns }) => newColumns).filter((name) => table.base?.columns.every((column) => column.name !== name)),
  );
  const filled = [...brought].map((name) => `NEW.${ident(nameOf(name))} IS NOT NULL`).join(" OR ") || "false";
  const downs = rules.filter(({ direction }) => direction === "down");
  const ups = rules.filter(({ direction }) => direction === "up");
  const isRead = (column: string): boolean => ups.some(({ sources }) => sources.some(({ name }) => name === column));
  const body = [
    "DECLARE",
    `  writer boolean := ${writerIsNew(draft)};`,
    "BEGIN",
    `  IF COALESCE(writer, ${filled}) THEN`,
    ...ups.filter(({ target }) => isCounted(table, target)).map((rule) => `    ${ifNull(rule)}`),
    ...downs.map(({ set }) => `    ${set}`),
    "  ELSE",
    ...ups.map((rule) => `    ${rule.onlyNull === true ? ifNull(rule) : rule.set}`),
    // What an old column was left without, unless its null is a value that the new side was computed from.
    ...downs.filter(({ target }) => !isRead(target)).map((rule) => `    IF writer IS NULL THEN ${ifNull(rule)} END IF;`),
    "  END IF;",
    "  RETURN NEW;",
    "END",
  ].join("\n");
  const when = `BEFORE INSERT ON ${quoteTable(table)} FOR EACH ROW`;
  return trigger(draft, table, { name: "0_insert", body, when, pinned: pinned(...rules) });
}

/**
 * Fires only when what a column is computed from has really changed, so that nothing else that is written can overwrite it. `down` before `up`
 * (triggers run in the order of their names): where one statement changes both sides, the newer release's word counts.
 */
function updateTrigger(
  draft: PlanDraft,
  table: TableDraft,
  { rule, place, before }: { rule: ValuedRule; place: number; before: readonly ValuedRule[] },
): readonly TriggerSql[] {
  const order = String(place).padStart(3, "0");
  const target = ident(rule.target);
  const fired = `BEFORE UPDATE${columnList(table, rule)} ON ${quoteTable(table)}`;
  if (rule.onlyNull === true) {
    // A row that is not filled yet has a value all the same, which comes before the one for rows that have none.
    const own = before.filter((one) => one.target === rule.target && one.direction === "up" && one.onlyNull !== true);
    const set = own.length === 0 ? rule.set : `${own.map((one) => one.set).join(" ")} ${ifNull(rule)}`;
    const body = `BEGIN\n  IF (${writerIsNew(draft)}) IS NOT TRUE THEN ${set} END IF;\n  RETURN NEW;\nEND`;
    const when = `${fired} FOR EACH ROW WHEN (NEW.${target} IS NULL)`;
    return [trigger(draft, table, { name: `2_${order}_null_${rule.target}`, body, when, pinned: pinned(rule, ...own) })];
  }
  if (rule.sources.length === 0) return [];
  const tests = changeTests(draft, table, rule);
  const condition =
    rule.direction === "down" ? `(${tests}) AND current_setting('hitless.backfill', true) IS DISTINCT FROM 'on'` : tests;
  const body = `BEGIN\n  ${rule.set}\n  RETURN NEW;\nEND`;
  const name = `${rule.direction === "down" ? "1" : "2"}_${order}_${rule.direction}_${rule.target}`;
  return [trigger(draft, table, { name, body, when: `${fired} FOR EACH ROW WHEN (${condition})`, pinned: pinned(rule) })];
}

/**
 * SQL: whether what the target is computed from has changed by a write of the other side. Where only that side knows it, the change itself tells so;
 * of all else the session is asked: a release's own value is never computed anew because that release wrote another column.
 */
function changeTests(draft: PlanDraft, table: TableDraft, rule: SyncRule): string {
  const told = rule.sources.filter(({ name }) => tellsWriter(table, rule, name)).map(({ name, type }) => differs(name, type));
  const asked = rule.sources.filter(({ name }) => !tellsWriter(table, rule, name)).map(({ name, type }) => differs(name, type));
  const untouched = `NOT (${differs(rule.target, rule.targetType)})`;
  const writer = `(${writerIsNew(draft)}) IS ${rule.direction === "up" ? "NOT TRUE" : "TRUE"}`;
  // Where one statement changes both sides, the newer release's word counts.
  const ofTold = rule.direction === "up" ? [`(${told.join(" OR ")})`, untouched] : [`(${told.join(" OR ")})`];
  return [told.length === 0 ? [] : ofTold, asked.length === 0 ? [] : [`(${asked.join(" OR ")})`, untouched, writer]]
    .filter((tests) => tests.length > 0)
    .map((tests) => `(${tests.join(" AND ")})`)
    .join(" OR ");
}

/** Whether a change of this source can only be the other side's write, or what Hitless makes of a write of the target itself. */
function tellsWriter(table: TableDraft, { direction, target }: SyncRule, source: string): boolean {
  const old = table.base?.columns.some(({ name }) => name === source) === true;
  if (direction === "down") return !old;
  const seen = table.columns.some(({ physical }) => physical === source);
  const computed = table.syncs.filter((rule) => rule.direction === "down" && rule.target === source);
  return old && !seen && computed.every(({ sources }) => sources.every(({ name }) => name === target));
}

function differs(name: string, type: string): string {
  return `${comparable(`OLD.${ident(name)}`, type)} IS DISTINCT FROM ${comparable(`NEW.${ident(name)}`, type)}`;
}

/** The columns that fire it, by the statement's own list; where another trigger may change a row first, any update may. */
function columnList(table: TableDraft, rule: SyncRule): string {
  if (table.base?.triggers.some(({ beforeUpdate }) => beforeUpdate) === true) return "";
  const names = rule.onlyNull === true ? [rule.target] : rule.sources.map(({ name }) => name);
  return ` OF ${[...origins(table, rule.direction, names)].map(ident).join(", ")}`;
}

/** These columns, and those from which they are computed. */
function origins(table: TableDraft, direction: SyncRule["direction"], names: readonly string[]): ReadonlySet<string> {
  const all = new Set(names);
  for (const name of all) {
    const computing = table.syncs.filter((rule) => rule.direction === direction && rule.target === name);
    for (const { sources } of computing) for (const source of sources) all.add(source.name);
  }
  return all;
}
