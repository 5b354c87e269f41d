import { child, children, flag, found, openedList, text } from "../ast.ts";
import { referencesTo, tableOf } from "../catalog.ts";
import type { Node } from "../language.ts";
import { ident, qualified, rangeName, relationOf, sameName, type ObjectName } from "../names.ts";
import { keyOf, oneLine, quoteTable, tableLabel } from "./alter.ts";
import { addConstraint } from "./constraints.ts";
import { physicalNames, type PlanDraft, type TableDraft } from "./draft.ts";
import { rebound } from "./expression.ts";
import { droppedNames } from "./indexes.ts";
import { dropEmpty, hasRows } from "./making.ts";
import { runOnce } from "./objects.ts";
import { createPartition } from "./partitions.ts";
import { takeOver } from "./take-over.ts";
import { writesPlainRows } from "./together.ts";

/** A table that is so small that it is changed in one statement. */
const FEW_ROWS = 10_000;

/** #50: nobody knows it yet; foreign keys to tables in use are added one by one, so that no two of them are locked at once. */
export function createTable(draft: PlanDraft, node: Node): void {
  const name = relationOf(node, draft.schema);
  if (draft.table(name) !== null || draft.catalog.views.some((view) => sameName(view, name))) {
    if (!flag(node, "if_not_exists")) draft.refuse("column-exists", `there already is a ${name.name}`, []);
    return;
  }
  const table = draft.addTable(name);
  if (child(node, "partbound") !== null) {
    createPartition(draft, node, table);
    return;
  }
  const apart: Node[] = [];
  const busy = (constraint: Node): boolean =>
    text(constraint, "contype") === "CONSTR_FOREIGN" &&
    tableOf(draft.catalog, rangeName(child(constraint, "pktable"), draft.schema)) !== null;
  const elements = openedList(node, "tableElts").flatMap(({ kind, node: element }) => {
    if (kind === "Constraint" && busy(element)) {
      apart.push(element);
      return [];
    }
    if (kind !== "ColumnDef") return [{ [kind]: element }];
    const column = text(element, "colname");
    const constraints = openedList(element, "constraints").map((item) => item.node);
    apart.push(...constraints.filter(busy).map((item) => ({ ...item, fk_attrs: [{ String: { sval: column } }] })));
    return [
      { ColumnDef: { ...element, constraints: constraints.filter((item) => !busy(item)).map((Constraint) => ({ Constraint })) } },
    ];
  });
  const object = { ...name, column: null };
  const create = (there: boolean): string =>
    draft.language.deparse({ CreateStmt: { ...node, tableElts: elements, if_not_exists: there } });
  const left = takeOver(draft, object, create(false));
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `make ${name.name}`,
    run: { kind: "transaction", sql: [...(left === "empty" ? [dropEmpty(name)] : []), create(left === "same")] },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP TABLE IF EXISTS ${qualified(name)}`],
    keepIf: hasRows(name),
    keeps: object,
  });
  for (const constraint of apart) addConstraint(draft, table, constraint, "expand");
}

/** #51: read and written by the old release until it is gone; then its foreign keys first, one lock at a time. */
export function dropTables(draft: PlanDraft, node: Node): void {
  for (const name of droppedNames(node, draft.schema)) {
    const table = draft.table(name);
    if (table === null) {
      if (!flag(node, "missing_ok")) draft.refuse("unknown-object", `there is no table ${name.name}`, []);
      continue;
    }
    if (table.base === null) {
      draft.refuse("not-known", `${name.name} is made by this release: leave its CREATE TABLE out`, []);
      continue;
    }
    const keys = [
      ...referencesTo(draft.catalog, table.base).filter(({ table: other }) => !sameName(other, table.physical)),
      ...table.base.constraints
        .filter(({ kind }) => kind === "foreign")
        .map((constraint) => ({ table: table.physical, constraint })),
    ];
    for (const { table: other, constraint } of keys) {
      draft.act({
        stage: "drop",
        phase: "contract",
        title: `drop ${constraint.name}`,
        run: {
          kind: "transaction",
          sql: [`ALTER TABLE ${qualified(other)} DROP CONSTRAINT IF EXISTS ${ident(constraint.name)}`],
        },
        table: `${other.schema}.${other.name}`,
        lock: "ACCESS EXCLUSIVE",
        work: "instant",
      });
    }
    draft.act({
      stage: "drop",
      phase: "contract",
      title: `drop ${name.name}`,
      run: { kind: "transaction", sql: [`DROP TABLE IF EXISTS ${quoteTable(table)}`] },
      table: tableLabel(table),
      lock: "ACCESS EXCLUSIVE",
      work: "instant",
    });
  }
}

/** #52 */
export function truncate(draft: PlanDraft, node: Node): void {
  const names = openedList(node, "relations").map(({ node: relation }) => rangeName(relation, draft.schema));
  draft.refuse("truncate", "it takes the rows away from the running release, under a lock that stops all reads and writes", [
    ...names.map(
      (name) =>
        `DELETE FROM ${qualified(name)}; -- batch by batch; with \`-- hitless: phase=contract\` once the running release is gone`,
    ),
  ]);
}

/** INSERT: as it is written. UPDATE and DELETE of a table in use: batch by batch along its key. */
export function changeRows(draft: PlanDraft, kind: "InsertStmt" | "UpdateStmt" | "DeleteStmt", node: Node): void {
  const named = relationOf(node, draft.schema);
  const table = draft.table(named);
  if (table === null) {
    draft.refuse("unknown-object", `there is no table ${named.name}`, []);
    return;
  }
  if (
    kind === "InsertStmt" ||
    table.base === null ||
    (table.base.rows >= 0 && table.base.rows <= FEW_ROWS && !isRenamed(table))
  ) {
    runOnce(draft, `${kind === "InsertStmt" ? "insert into" : "change rows of"} ${named.name}`, {
      of: table.base === null ? table.physical : undefined,
      together: table.base === null && kind === "InsertStmt" && writesPlainRows(node),
      table: table.base === null ? null : tableLabel(table),
      lock: "ROW EXCLUSIVE",
      work: kind === "InsertStmt" ? "instant" : "scan",
    });
    return;
  }
  batches(draft, table, { kind, node });
}

function isRenamed(table: TableDraft): boolean {
  return table.name !== table.physical || table.columns.some(({ name, physical }) => name !== physical);
}

function batches(draft: PlanDraft, table: TableDraft, { kind, node }: { kind: string; node: Node }): void {
  const { text: statement } = draft.statement;
  if (draft.leftovers.takesRun(statement)) return;
  const key = keyOf(table);
  const joins =
    children(node, "fromClause").length > 0 || children(node, "usingClause").length > 0 || child(node, "withClause") !== null;
  if (joins || key.length === 0) {
    draft.refuse(
      "rows-in-one-statement",
      joins
        ? "it joins, so it cannot be cut into batches"
        : `${table.name.name} has no key along which it could be cut into batches`,
      [
        `UPDATE ${qualified(table.name)} SET … = (SELECT … ) WHERE …; -- with a subquery instead of a join, on a table with a primary key`,
      ],
    );
    return;
  }
  const names = physicalNames(table);
  const own = (expression: Node): string => oneLine(draft.language.deparse(rebound(expression, names)));
  const where = child(node, "whereClause");
  const columns = openedList(node, "targetList").map(({ node: target }) => {
    const column = text(target, "name");
    return names.get(column) ?? column;
  });
  const targets = openedList(node, "targetList").map(({ node: target }) => {
    const column = text(target, "name");
    return `${ident(names.get(column) ?? column)} = ${own(child(target, "val") ?? {})}`;
  });
  if (columns.some((column) => key.includes(column))) {
    draft.refuse(
      "rows-in-one-statement",
      "it changes the key along which it would be cut into batches: rows would be met twice",
      ["ALTER TABLE … ADD COLUMN … ; -- a second column for the new key, filled by `-- hitless: up`"],
    );
    return;
  }
  draft.act({
    stage: "fill",
    phase: draft.phase("expand"),
    title: `${kind === "DeleteStmt" ? "delete" : "change"} rows of ${table.name.name}`,
    run: {
      kind: "backfill",
      backfill: {
        table: quoteTable(table),
        key: key.map(ident),
        set: targets.join(", "),
        columns,
        where: where === null ? "true" : own(where),
        once: true,
        ...(kind === "DeleteStmt" ? { delete: true } : {}),
      },
    },
    table: tableLabel(table),
    lock: "ROW EXCLUSIVE",
    work: "batches",
    keepIf: "SELECT true AS keep",
    keeps: { statement },
  });
}

/** The tables that a statement reads or writes, by the names in it. */
export function relationsIn(node: Node, schema: string): readonly ObjectName[] {
  return found(node, "RangeVar").map((relation) => rangeName(relation, schema));
}
