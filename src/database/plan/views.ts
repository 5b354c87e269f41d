import { child, flag, text } from "../ast.ts";
import type { View } from "../catalog.ts";
import type { Node } from "../language.ts";
import { ident, qualified, rangeName, sameName } from "../names.ts";
import type { PlanDraft } from "./draft.ts";
import { droppedNames } from "./indexes.ts";
import { relationsIn } from "./tables.ts";

interface WantedView {
  readonly name: string;
  readonly node: Node;
  /** An earlier release has brought it as it is, and it stands. */
  readonly stands?: boolean | undefined;
}

const NO_LOCK = { table: null, lock: null, work: "instant" } as const;

/** #78. Views are planned last, when it is known which tables this release sees differently. */
export function planViews(draft: PlanDraft, wanted: readonly WantedView[]): void {
  const overlaid = new Set(draft.tables.filter(({ seenDifferently }) => seenDifferently).map(({ name }) => name.name));
  for (const view of wanted.filter(({ stands }) => stands !== true)) {
    const before = draft.catalog.views.find((one) => sameName(one, { schema: draft.schema, name: view.name }));
    const reads = relationsIn(child(view.node, "query") ?? {}, draft.schema);
    const differs = reads.some(({ name }) => overlaid.has(name));
    if (before !== undefined || differs) {
      overlayView(draft, view, before ?? null);
      overlaid.add(view.name);
    } else makeView(draft, view);
  }
}

function createSql(draft: PlanDraft, { name, node }: WantedView, schema: string): string {
  const view = { schemaname: schema, relname: name, inh: true, relpersistence: "p" };
  return draft.language.deparse({ ViewStmt: { ...node, replace: true, view } });
}

function makeView(draft: PlanDraft, view: WantedView): void {
  const name = qualified({ schema: draft.schema, name: view.name });
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `make view ${view.name}`,
    run: { kind: "transaction", sql: [createSql(draft, view, draft.schema)] },
    ...NO_LOCK,
    undo: [`DROP VIEW IF EXISTS ${name}`],
  });
}

/** The running release keeps its view; nobody reads the base's any more when the contract takes it out of the way. */
function overlayView(draft: PlanDraft, view: WantedView, before: View | null): void {
  const own = qualified({ schema: draft.overlay, name: view.name });
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `show release r${String(draft.release)} its view ${view.name}`,
    run: {
      kind: "transaction",
      sql: [`SET LOCAL search_path = ${ident(draft.overlay)}, ${ident(draft.schema)}`, createSql(draft, view, draft.overlay)],
    },
    ...NO_LOCK,
    undo: [`DROP VIEW IF EXISTS ${own}`],
  });
  if (before !== null) dropView(draft, before);
  draft.act({
    stage: "flatten",
    phase: "contract",
    title: `make view ${view.name} what release r${String(draft.release)} sees`,
    run: {
      kind: "transaction",
      sql: [`SET LOCAL search_path = ${ident(draft.schema)}`, createSql(draft, view, draft.schema), `DROP VIEW IF EXISTS ${own}`],
    },
    ...NO_LOCK,
  });
}

function dropView(draft: PlanDraft, view: View): void {
  draft.act({
    stage: "unview",
    phase: "contract",
    title: `drop view ${view.name}, which only old releases read`,
    run: { kind: "transaction", sql: [`DROP ${view.materialized ? "MATERIALIZED VIEW" : "VIEW"} IF EXISTS ${qualified(view)}`] },
    table: `${view.schema}.${view.name}`,
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
  });
}

/** #79 */
export function dropViews(draft: PlanDraft, node: Node): void {
  for (const name of droppedNames(node, draft.schema)) {
    const view = draft.catalog.views.find((one) => sameName(one, name));
    if (view !== undefined) dropView(draft, view);
    else if (!flag(node, "missing_ok")) draft.refuse("unknown-object", `there is no view ${name.name}`, []);
  }
}

/** Views of the base that stand on a column which goes: PostgreSQL would refuse the contract. */
export function checkViewsUnder(draft: PlanDraft, wanted: readonly WantedView[], dropped: ReadonlySet<string>): void {
  for (const table of draft.tables) {
    const readers = draft.catalog.views.filter(({ reads }) => reads.some((one) => sameName(one, table.physical)));
    for (const view of readers) {
      if (wanted.some(({ name }) => name === view.name) || dropped.has(view.name)) continue;
      const used = table.dropped.filter((column) => new RegExp(`\\b${column.replace(/\W/g, ".")}\\b`).test(view.definition));
      if (used.length === 0) continue;
      draft.notice(
        "view-on-dropped-column",
        `view ${view.name} reads ${used.map((column) => `${table.physical.name}.${column}`).join(", ")}, which the contract drops: create or drop the view in this release, or the contract will be refused by PostgreSQL`,
      );
    }
  }
}

/** #80 */
export function refreshView(draft: PlanDraft, node: Node): void {
  const name = rangeName(child(node, "relation"), draft.schema);
  const view = draft.catalog.views.find((one) => sameName(one, name));
  if (view === undefined) {
    draft.refuse("unknown-object", `there is no materialized view ${name.name}`, []);
    return;
  }
  if (!view.indexes.some(({ unique, valid }) => unique && valid)) {
    draft.refuse("refresh", `refreshing ${name.name} stops its readers; beside them it needs a unique index`, [
      `CREATE UNIQUE INDEX ON ${qualified(name)} (…); -- in an earlier migration`,
      `REFRESH MATERIALIZED VIEW CONCURRENTLY ${qualified(name)};`,
    ]);
    return;
  }
  draft.act({
    stage: "fill",
    phase: draft.phase("expand"),
    title: `refresh ${name.name}`,
    run: {
      kind: "alone",
      sql: `REFRESH MATERIALIZED VIEW CONCURRENTLY ${qualified(name)}`,
      done: "SELECT false AS done",
    },
    table: `${name.schema}.${name.name}`,
    lock: "EXCLUSIVE",
    work: "scan",
  });
}

export function wantedView(node: Node): WantedView {
  return { name: text(child(node, "view") ?? {}, "relname"), node };
}
