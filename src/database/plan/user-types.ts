import { child, children, flag, opened, text, words } from "../ast.ts";
import type { Table } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified } from "../names.ts";
import type { PlanDraft } from "./draft.ts";
import { rebound } from "./expression.ts";
import { runAsWritten } from "./objects.ts";

/** #58, #59 */
export function alterEnum(draft: PlanDraft, node: Node): void {
  const parts = words(children(node, "typeName"));
  const name = parts.join(".");
  const type = draft.catalog.types.find((one) => one.kind === "enum" && one.name === parts.at(-1));
  const value = text(node, "newVal");
  if (text(node, "oldVal") !== "") {
    draft.refuse("enum-rename-value", "queries of the running release that name the old value would fail at once", [
      `ALTER TYPE ${name} ADD VALUE ${literal(value)};`,
      `-- and change the rows in a later release, which no longer names ${literal(text(node, "oldVal"))}`,
    ]);
    return;
  }
  if (type === undefined) {
    draft.refuse("unknown-object", `there is no enum ${name}`, []);
    return;
  }
  const { text: statement } = draft.statement;
  if (type.labels.includes(value)) {
    if (!draft.leftovers.takesRun(statement) && !flag(node, "skipIfNewValExists"))
      draft.refuse("column-exists", `${name} already has ${literal(value)}`, []);
    return;
  }
  const neighbor = text(node, "newValNeighbor");
  const place = neighbor === "" ? "" : ` ${flag(node, "newValIsAfter") ? "AFTER" : "BEFORE"} ${literal(neighbor)}`;
  draft.act({
    stage: "shape",
    phase: draft.phase("expand"),
    title: `let ${name} be ${value}`,
    run: {
      kind: "alone",
      sql: `ALTER TYPE ${parts.map(ident).join(".")} ADD VALUE IF NOT EXISTS ${literal(value)}${place}`,
      done: `SELECT EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid = to_regtype(${literal(parts.map(ident).join("."))}) AND e.enumlabel = ${literal(value)}) AS done`,
    },
    table: null,
    lock: null,
    work: "instant",
    // PostgreSQL takes no value out of an enum.
    keepIf: "SELECT true AS keep",
    keeps: { statement },
  });
  draft.notice(
    "enum-value",
    `the running release may read ${literal(value)}, which it does not know, as soon as a new one writes it`,
  );
}

/** #61 */
export function alterDomain(draft: PlanDraft, node: Node): void {
  const adds = text(node, "subtype") === "C" || text(node, "subtype") === "O" || text(node, "subtype") === "V";
  if (!adds) {
    runAsWritten(draft, { title: "change a domain" });
    return;
  }
  const constraint = child(child(node, "def") ?? {}, "Constraint") ?? {};
  if (flag(constraint, "skip_validation") || !isUsed(draft, words(children(node, "typeName")).at(-1) ?? "")) {
    // The running release may write what it forbids.
    runAsWritten(draft, { title: "change a domain", phase: "contract" });
    return;
  }
  const expression = child(constraint, "raw_expr");
  const says = (column: string): string =>
    expression === null
      ? `<what it says of ${column}>`
      : draft.language.deparse(rebound(expression, new Map([["value", column]])));
  const suffix = text(constraint, "conname") || "check";
  draft.refuse(
    "domain-constraint",
    "every table with a column of the domain is read under a lock that stops its writers, also by VALIDATE",
    [
      "-- on each table with a column of the domain, which Hitless checks beside the traffic:",
      ...columnsOf(draft, words(children(node, "typeName"))).map(
        ({ table, column }) =>
          `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${ident(fitted(`${table.name}_${column}_${suffix}`))} CHECK (${says(ident(column))});`,
      ),
    ],
  );
}

interface TypedColumn {
  readonly table: Table;
  readonly column: string;
  readonly array: boolean;
}

/** Columns of the type itself, or of its arrays. */
function columnsOf({ catalog: { tables } }: PlanDraft, path: readonly string[]): readonly TypedColumn[] {
  const names = [path.join("."), path.at(-1)];
  return tables
    .filter(({ partitionOf }) => partitionOf === null)
    .flatMap((table) =>
      table.columns
        .filter(({ type }) => names.includes(type.replace(/\[\]$/, "")))
        .map(({ name, type }) => ({ table, column: name, array: type.endsWith("[]") })),
    );
}

/** #59: a type of the new name, which the columns change to: each release writes and reads its own. */
export function renameType(draft: PlanDraft, node: Node): void {
  const path = words(children(opened(child(node, "object") ?? {}).node, "items"));
  const [from, to] = [path.map(ident).join("."), [...path.slice(0, -1), text(node, "newname")].map(ident).join(".")];
  const type = draft.catalog.types.find(({ kind, name }) => kind === "enum" && name === path.at(-1));
  const columns = columnsOf(draft, path);
  draft.refuse("rename", "queries of the running release that name it would fail at once", [
    ...(type === undefined
      ? ["-- make a new type beside it, and let the columns change to it"]
      : [`CREATE TYPE ${to} AS ENUM (${type.labels.map(literal).join(", ")});`]),
    ...columns.flatMap(({ table, column, array }) => {
      const dimension = array ? "[]" : "";
      const cast = (target: string): string => `${ident(column)}::text${dimension}::${target}${dimension}`;
      const named = `${ident(table.name)}.${ident(column)}`;
      return [
        `-- hitless: up ${named} = ${cast(to)}`,
        `-- hitless: down ${named} = ${cast(from)}`,
        `ALTER TABLE ${qualified(table)} ALTER COLUMN ${ident(column)} TYPE ${to}${dimension};`,
      ];
    }),
    `DROP TYPE ${from};`,
  ]);
}

/** Whether a column may be of the type, or of an array or a domain of it. */
function isUsed({ catalog: { tables, types } }: PlanDraft, type: string): boolean {
  const names = [type, ...types.filter(({ base }) => base?.includes(type) === true).map(({ name }) => name)];
  const composite = types.some(({ kind }) => kind === "composite");
  return composite || tables.some(({ columns }) => columns.some((column) => names.some((name) => column.type.includes(name))));
}
