import type { Column } from "../catalog.ts";
import { fitted, ident, literal, qualified } from "../names.ts";
import { sessionRelease } from "../session-release.ts";
import { quoteTable, tableLabel } from "./alter.ts";
import type { PlanDraft, SyncRule, TableDraft } from "./draft.ts";
import { comparable } from "./types.ts";

/** What every statement has left to do for a table, once all are known: its triggers, its view, its contract. */
export function finishTable(draft: PlanDraft, table: TableDraft): void {
  if (table.base === null) return;
  const triggers = addSyncs(draft, table);
  if (table.seenDifferently) addView(draft, table);
  swap(draft, table, triggers);
}

/** Whose write it is: true for this release and later ones, false for older ones, null where the connection does not say. */
function writerIsNew(draft: PlanDraft): string {
  return `${sessionRelease(draft.app)} >= ${String(draft.release)}`;
}

function addSyncs(draft: PlanDraft, table: TableDraft): readonly string[] {
  if (table.syncs.length === 0) return [];
  const triggers = [insertTrigger(draft, table), ...table.syncs.flatMap((rule) => updateTrigger(draft, table, rule))];
  draft.act({
    stage: "sync",
    phase: "expand",
    title: `keep old and new columns of ${table.name.name} in step`,
    run: { kind: "transaction", sql: triggers.flatMap(({ sql }) => sql) },
    table: tableLabel(table),
    lock: "SHARE ROW EXCLUSIVE",
    work: "instant",
    undo: triggers.flatMap(({ drop }) => drop),
  });
  return triggers.flatMap(({ drop }) => drop);
}

interface TriggerSql {
  readonly sql: readonly string[];
  readonly drop: readonly string[];
}

function trigger(
  draft: PlanDraft,
  table: TableDraft,
  parts: { name: string; body: string; when: string; pinned: boolean },
): TriggerSql {
  const name = fitted(`zz_hitless_r${String(draft.release)}_${parts.name}`);
  const routine = qualified({ schema: draft.overlay, name: fitted(`${table.physical.name}_${parts.name}`) });
  const path = parts.pinned ? ` SET search_path = ${ident(table.physical.schema)}, pg_temp` : "";
  return {
    sql: [
      `CREATE OR REPLACE FUNCTION ${routine}() RETURNS trigger LANGUAGE plpgsql${path} AS ${literal(parts.body)}`,
      `CREATE OR REPLACE TRIGGER ${ident(name)} ${parts.when} EXECUTE FUNCTION ${routine}()`,
    ],
    drop: [`DROP TRIGGER IF EXISTS ${ident(name)} ON ${quoteTable(table)}`, `DROP FUNCTION IF EXISTS ${routine}()`],
  };
}

/** Expressions that call something are read with the base schema's names, whoever writes. */
const pinned = (...rules: readonly SyncRule[]): boolean => rules.some(({ expression }) => /[\w"]\s*\(/.test(expression));

/** An INSERT gives either the old columns or the new ones: by the writer's release, or by what it filled in. */
function insertTrigger(draft: PlanDraft, table: TableDraft): TriggerSql {
  const brought = new Set(
    table.syncs
      .flatMap(({ newColumns }) => newColumns)
      .filter((name) => table.base?.columns.every((column) => column.name !== name)),
  );
  const filled = [...brought].map((name) => `NEW.${ident(name)} IS NOT NULL`).join(" OR ") || "false";
  const set = ({ target, expression }: SyncRule): string => `NEW.${ident(target)} := ${expression};`;
  const ifNull = (rule: SyncRule): string => `IF NEW.${ident(rule.target)} IS NULL THEN ${set(rule)} END IF;`;
  const downs = table.syncs.filter(({ direction }) => direction === "down");
  const ups = table.syncs.filter(({ direction }) => direction === "up");
  const body = [
    "DECLARE",
    `  writer boolean := ${writerIsNew(draft)};`,
    "BEGIN",
    `  IF COALESCE(writer, ${filled}) THEN`,
    ...downs.map((rule) => `    ${set(rule)}`),
    "  ELSE",
    ...ups.map((rule) => `    ${rule.onlyNull === true ? ifNull(rule) : set(rule)}`),
    ...downs.map((rule) => `    IF writer IS NULL THEN ${ifNull(rule)} END IF;`),
    "  END IF;",
    "  RETURN NEW;",
    "END",
  ].join("\n");
  const when = `BEFORE INSERT ON ${quoteTable(table)} FOR EACH ROW`;
  return trigger(draft, table, { name: "0_insert", body, when, pinned: pinned(...table.syncs) });
}

/**
 * Fires only when what a column is computed from has really changed, so that nothing else that is written can overwrite it. `down` before `up`
 * (triggers run in the order of their names): where one statement changes both sides, the newer release's word counts.
 */
function updateTrigger(draft: PlanDraft, table: TableDraft, rule: SyncRule): readonly TriggerSql[] {
  const target = ident(rule.target);
  const fired = `BEFORE UPDATE${columnList(table, rule)} ON ${quoteTable(table)}`;
  if (rule.onlyNull === true) {
    const body = `BEGIN\n  IF (${writerIsNew(draft)}) IS NOT TRUE THEN NEW.${target} := ${rule.expression}; END IF;\n  RETURN NEW;\nEND`;
    const when = `${fired} FOR EACH ROW WHEN (NEW.${target} IS NULL)`;
    return [trigger(draft, table, { name: `2_null_${rule.target}`, body, when, pinned: pinned(rule) })];
  }
  if (rule.sources.length === 0) return [];
  const tests = changeTests(draft, table, rule);
  const condition =
    rule.direction === "down" ? `(${tests}) AND current_setting('hitless.backfill', true) IS DISTINCT FROM 'on'` : tests;
  const body = `BEGIN\n  NEW.${target} := ${rule.expression};\n  RETURN NEW;\nEND`;
  const name = `${rule.direction === "down" ? "1_down" : "2_up"}_${rule.target}`;
  return [trigger(draft, table, { name, body, when: `${fired} FOR EACH ROW WHEN (${condition})`, pinned: pinned(rule) })];
}

/**
 * SQL: whether a source has changed on the writer's side. What only one side knows tells whose write it is; a column that both write does not, so the
 * session is asked: else a release's own value would be computed anew because it wrote another column.
 */
function changeTests(draft: PlanDraft, table: TableDraft, { direction, target, targetType, sources }: SyncRule): string {
  const old = (name: string): boolean => table.base?.columns.some((column) => column.name === name) === true;
  const seen = (name: string): boolean => table.columns.some(({ physical }) => physical === name);
  const changed = (those: (name: string) => boolean): string =>
    sources
      .filter(({ name }) => those(name))
      .map(({ name, type }) => differs(name, type))
      .join(" OR ");
  const untouched = `NOT (${differs(target, targetType)})`;
  const writer = `(${writerIsNew(draft)}) IS ${direction === "up" ? "NOT TRUE" : "TRUE"}`;
  return [
    [changed((name) => !old(name))],
    [changed((name) => old(name) && !seen(name)), untouched],
    [changed((name) => old(name) && seen(name)), untouched, writer],
  ]
    .filter(([change]) => change !== "")
    .map(([change, ...careful]) => [`(${String(change)})`, ...careful].join(" AND "))
    .map((test) => `(${test})`)
    .join(" OR ");
}

function differs(name: string, type: string): string {
  return `${comparable(`OLD.${ident(name)}`, type)} IS DISTINCT FROM ${comparable(`NEW.${ident(name)}`, type)}`;
}

/** The columns that fire it, by the statement's own list; where another trigger may change a row first, any update may. */
function columnList(table: TableDraft, { sources, target, onlyNull }: SyncRule): string {
  if (table.base?.triggers.some(({ beforeUpdate }) => beforeUpdate) === true) return "";
  const names = onlyNull === true ? [target] : sources.map(({ name }) => name);
  return ` OF ${names.map(ident).join(", ")}`;
}

/** The table as this release sees it; columns stand in the order that they will have after the contract. */
function addView(draft: PlanDraft, table: TableDraft): void {
  const moved = table.name.schema !== table.physical.schema;
  const view = qualified({ schema: moved ? table.name.schema : draft.overlay, name: table.name.name });
  const order = [...table.all.keys()];
  table.columns.sort((one, other) => order.indexOf(one.physical) - order.indexOf(other.physical));
  const columns = table.columns.map(({ name, physical }) =>
    name === physical ? ident(name) : `${ident(physical)} AS ${ident(name)}`,
  );
  const invoker = draft.catalog.version >= 150_000 ? " WITH (security_invoker = true)" : "";
  const defaults = table.columns.flatMap(({ name, physical, viewDefault }) => {
    const value = viewDefault === undefined ? defaultOf(table.all.get(physical)) : viewDefault;
    return value === null ? [] : [`ALTER VIEW ${view} ALTER COLUMN ${ident(name)} SET DEFAULT ${value}`];
  });
  const grants = (table.base?.grants ?? []).map(({ role, privileges }) => `GRANT ${privileges.join(", ")} ON ${view} TO ${role}`);
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `show release r${String(draft.release)} its ${table.name.name}`,
    run: {
      kind: "transaction",
      sql: [
        `CREATE OR REPLACE VIEW ${view}${invoker} AS SELECT ${columns.join(", ")} FROM ${quoteTable(table)}`,
        ...defaults,
        ...grants,
      ],
    },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP VIEW IF EXISTS ${view}`],
  });
  draft.act({
    stage: moved ? "unview" : "drop",
    phase: "contract",
    title: `let release r${String(draft.release)} see ${table.name.name} itself`,
    run: { kind: "transaction", sql: moved ? [] : [`DROP VIEW IF EXISTS ${view}`] },
    table: null,
    lock: null,
    work: "instant",
  });
  if (moved) table.beforeSwap.unshift(`DROP VIEW IF EXISTS ${view}`);
}

function defaultOf(column: Column | undefined): string | null {
  return column === undefined || column.identity !== null || column.generated !== null ? null : column.default;
}

/** One short transaction that takes the lock once: triggers go, old columns go, new names are given. */
function swap(draft: PlanDraft, table: TableDraft, dropTriggers: readonly string[]): void {
  const name = quoteTable(table);
  const dropped = table.dropped.map((column) => `ALTER TABLE ${name} DROP COLUMN IF EXISTS ${ident(column)}`);
  const renamed = renames(table).map(([from, to]) => `ALTER TABLE ${name} RENAME COLUMN ${ident(from)} TO ${ident(to)}`);
  const moved = [
    ...(table.name.schema === table.physical.schema ? [] : [`ALTER TABLE ${name} SET SCHEMA ${ident(table.name.schema)}`]),
    ...(table.name.name === table.physical.name
      ? []
      : [
          `ALTER TABLE ${qualified({ schema: table.name.schema, name: table.physical.name })} RENAME TO ${ident(table.name.name)}`,
        ]),
  ];
  const sql = [...dropTriggers, ...table.beforeSwap, ...dropped, ...renamed, ...table.afterSwap, ...moved];
  if (sql.length === 0) return;
  draft.act({
    stage: "swap",
    phase: "contract",
    title: `make ${table.name.name} what release r${String(draft.release)} sees`,
    run: { kind: "transaction", sql: [`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`, ...sql] },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
  });
}

/** In an order in which no name is taken when it is given; names that change places go through a third one. */
function renames(table: TableDraft): readonly (readonly [string, string])[] {
  let open = table.columns
    .filter(({ name, physical }) => name !== physical)
    .map(({ physical, name }) => [physical, name] as const);
  const done: (readonly [string, string])[] = [];
  while (open.length > 0) {
    const free = open.find(([, to]) => open.every(([from]) => from !== to));
    const [from, to] = free ?? open[0] ?? ["", ""];
    const given = free === undefined ? fitted(`${from}__moving`) : to;
    done.push([from, given]);
    open = open.flatMap((one) => (one[0] !== from ? [one] : free === undefined ? [[given, to] as const] : []));
  }
  return done;
}
