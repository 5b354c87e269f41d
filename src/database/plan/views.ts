import { dependenciesFirst } from "../../base/order.ts";
import { child, flag, mapped, optionNamed, text } from "../ast.ts";
import type { View } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, qualified, type ObjectName, rangeName, sameName } from "../names.ts";
import { carryOverOwner, carryOverView } from "./carry-over.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { hasInvokers, tableViewSql } from "./finish.ts";
import { droppedNames } from "./indexes.ts";
import { asBase, asRelease } from "./look-up.ts";
import { relationsIn } from "./tables.ts";

export interface WantedView {
  readonly name: string;
  readonly node: Node;
  /** An earlier release has brought it as it is, and it stands. */
  readonly stands?: boolean | undefined;
}

const NO_LOCK = { table: null, lock: null, work: "instant" } as const;

/** #78. Views are planned last, when it is known which tables this release sees differently. */
export function planViews(draft: PlanDraft, wanted: readonly WantedView[]): void {
  const overlaid = new Set(draft.tables.filter(({ seenDifferently }) => seenDifferently).map(({ name }) => name.name));
  const replaced: View[] = [];
  for (const view of inOrder(
    draft,
    wanted.filter(({ stands }) => stands !== true),
  )) {
    const before = draft.catalog.views.find((one) => sameName(one, { schema: draft.schema, name: view.name }));
    const reads = relationsIn(child(view.node, "query") ?? {}, draft.schema);
    const differs = reads.some(({ name }) => overlaid.has(name));
    if (before !== undefined) replaced.push(before);
    if (before !== undefined || differs) {
      overlayView(draft, view, before ?? null);
      overlaid.add(view.name);
    } else makeView(draft, view);
  }
  for (const view of readersFirst(replaced)) dropView(draft, view, draft.overlay);
}

/** What is read stands before what reads it. */
function inOrder(draft: PlanDraft, wanted: readonly WantedView[]): readonly WantedView[] {
  return dependenciesFirst(wanted, (view) => {
    const read = new Set(relationsIn(child(view.node, "query") ?? {}, draft.schema).map(({ name }) => name));
    return wanted.filter(({ name }) => read.has(name));
  });
}

/** PostgreSQL drops nothing that a view reads. */
function readersFirst(views: readonly View[]): readonly View[] {
  const [next] = views.filter((view) => !views.some(({ reads }) => reads.some((one) => sameName(one, view))));
  const first = next ?? views[0];
  return first === undefined ? [] : [first, ...readersFirst(views.filter((one) => one !== first))];
}

function createSql(draft: PlanDraft, { name, node }: WantedView, schema: string): string {
  const view = { schemaname: schema, relname: name, inh: true, relpersistence: "p" };
  return draft.language.deparse({ ViewStmt: { ...node, replace: true, view } });
}

function makeView(draft: PlanDraft, view: WantedView): void {
  draft.placed.set(view.name, "base");
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
  const name = { schema: draft.overlay, name: view.name };
  const own = qualified(name);
  draft.placed.set(view.name, "overlay");
  const inner = innerViews(draft, view);
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `show release r${String(draft.release)} its view ${view.name}`,
    run: {
      kind: "transaction",
      sql: [
        asRelease(draft),
        ...inner.flatMap(({ table, name: inside }) => tableViewSql(table, inside, false)),
        createSql(draft, reading(view, inner), draft.overlay),
        ...(before === null ? [] : [carryOverView(before, name)]),
        ...inner.map(({ name: inside }) => carryOverOwner(name, inside)),
      ],
    },
    ...NO_LOCK,
    undo: [own, ...inner.map(({ name: inside }) => qualified(inside))].map((one) => `DROP VIEW IF EXISTS ${one}`),
  });
  draft.act({
    stage: "flatten",
    phase: "contract",
    title: `make view ${view.name} what release r${String(draft.release)} sees`,
    run: {
      kind: "transaction",
      // It moves as it is, with all that it carries, and only its query is read anew.
      sql: [
        asBase(draft),
        createSql(draft, view, draft.overlay),
        `ALTER VIEW ${own} SET SCHEMA ${ident(draft.schema)}`,
        ...inner.map(({ name: inside }) => `DROP VIEW IF EXISTS ${qualified(inside)}`),
      ],
    },
    ...NO_LOCK,
  });
}

/** A table as the release sees it, for one of its views alone. */
interface InnerView {
  readonly table: TableDraft;
  readonly name: ObjectName;
}

/**
 * Who reads a view needs no privilege on what it reads: its owner has that. Through the release's view of a table, which asks for the reader's own,
 * they would; so such a view reads the table through one of its owner's.
 */
function innerViews(draft: PlanDraft, { name, node }: WantedView): readonly InnerView[] {
  if (asksInvoker(draft, node) || !hasInvokers(draft)) return [];
  const reads = relationsIn(child(node, "query") ?? {}, draft.schema);
  return draft.tables
    .filter((table) => table.seenDifferently && reads.some((one) => sameName(one, table.name)))
    .map((table) => ({ table, name: { schema: draft.overlay, name: fitted(`${table.name.name}__of_${name}`) } }));
}

/** `WITH (security_invoker)`; a value that is not said is true, and what is not true may be said too. */
function asksInvoker({ language }: PlanDraft, node: Node): boolean {
  const option = optionNamed(node, "options", "security_invoker");
  return option !== null && !/=\s*'?(f(a(l(se?)?)?)?|off?|no?|0)'?$/i.test(language.deparse({ DefElem: option }));
}

function reading(view: WantedView, inner: readonly InnerView[]): WantedView {
  const node = mapped(view.node, (kind, fields) => {
    const found = kind === "RangeVar" ? inner.find(({ table }) => table.name.name === text(fields, "relname")) : undefined;
    if (found === undefined) return fields;
    const { schema, name } = found.name;
    return { ...fields, schemaname: schema, relname: name, alias: fields["alias"] ?? { aliasname: text(fields, "relname") } };
  }) as Node;
  return { ...view, node };
}

/** @param heir the schema of the view that takes its place */
function dropView(draft: PlanDraft, view: View, heir?: string): void {
  draft.act({
    stage: "unview",
    phase: "contract",
    title: `drop view ${view.name}, which only old releases read`,
    run: {
      kind: "transaction",
      sql: [
        ...(heir === undefined ? [] : [carryOverView(view, { schema: heir, name: view.name })]),
        `DROP ${view.materialized ? "MATERIALIZED VIEW" : "VIEW"} IF EXISTS ${qualified(view)}`,
      ],
    },
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
