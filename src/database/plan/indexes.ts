import { child, children, flag, openedList, text, words } from "../ast.ts";
import { indexOf, tableOf } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified, rangeName, type ObjectName } from "../names.ts";
import { concurrently, freeName, tableLabel } from "./alter.ts";
import { physicalNames, type PlanDraft, type TableDraft } from "./draft.ts";
import { columnsThen, renamedIndex, tableThen } from "./final-names.ts";

/** CREATE INDEX: built beside the traffic. A unique one waits for the contract, as a constraint would. */
export function createIndex(draft: PlanDraft, table: TableDraft, node: Node): void {
  const unique = flag(node, "unique");
  const brought = openedList(node, "indexParams").every(({ node: part }) => isBrought(table, text(part, "name")));
  const phase = draft.phase(unique && !brought ? "contract" : "expand");
  const { schema } = tableThen(table, phase);
  const name =
    text(node, "idxname") ||
    freeName(table, ...openedList(node, "indexParams").map(({ node: part }) => text(part, "name")), "idx");
  const physical = renamedIndex(node, physicalNames(table));
  const fitting = (): Node => {
    const on = tableThen(table, phase);
    const relation = { schemaname: on.schema, relname: on.name, inh: true, relpersistence: "p" };
    return { ...renamedIndex(physical, columnsThen(table, phase)), idxname: name, relation };
  };
  if (table.base?.kind === "partitioned") {
    createPartitionedIndex(draft, table, { name, node: fitting(), phase });
    return;
  }
  if (flag(node, "if_not_exists") && table.base?.indexes.some((index) => index.name === name && index.valid) === true) return;
  draft.act({
    stage: phase === "contract" ? "tidy" : "check",
    phase,
    title: `build index ${name}`,
    run: () =>
      concurrently({
        schema: tableThen(table, phase).schema,
        name,
        sql: draft.language.deparse({ IndexStmt: { ...fitting(), concurrent: true, if_not_exists: false } }),
      }),
    table: tableLabel(table),
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "index build",
    undo: [`DROP INDEX CONCURRENTLY IF EXISTS ${qualified({ schema, name })}`],
    undoAlone: true,
  });
  if (phase === "contract") {
    draft.notice(
      "constraint-waits",
      `unique index ${name} is built by the contract: the running release may write duplicates. If it does not, or if this release needs it for ON CONFLICT, say \`-- hitless: phase=expand\``,
    );
  }
}

function isBrought(table: TableDraft, column: string): boolean {
  return table.base?.columns.every(({ name }) => name !== column) === true;
}

/** #56: CONCURRENTLY is refused on a partitioned table: the parent's index first, empty; then each partition's, and they are attached. */
function createPartitionedIndex(
  draft: PlanDraft,
  table: TableDraft,
  { name, node, phase }: { name: string; node: Node; phase: "expand" | "contract" },
): void {
  const on = table.physical;
  const stage = phase === "contract" ? "tidy" : "check";
  const relation = { schemaname: on.schema, relname: on.name, inh: false, relpersistence: "p" };
  const parent = qualified({ schema: on.schema, name });
  const partitions = draft.catalog.tables.filter(
    ({ partitionOf }) => partitionOf?.schema === on.schema && partitionOf.name === on.name,
  );
  draft.act({
    stage,
    phase,
    title: `announce index ${name}`,
    // The writer of SQL knows no ONLY here.
    run: {
      kind: "transaction",
      sql: [draft.language.deparse({ IndexStmt: { ...node, relation } }).replace(/ ON (?!ONLY )/, " ON ONLY ")],
    },
    table: tableLabel(table),
    lock: "SHARE",
    work: "instant",
    // The parent's takes along those that are attached.
    undo: [
      `DROP INDEX IF EXISTS ${parent}`,
      ...partitions.map(
        (partition) =>
          `DROP INDEX IF EXISTS ${qualified({ schema: partition.schema, name: fitted(`${partition.name}_${name}`) })}`,
      ),
    ],
  });
  for (const partition of partitions) {
    const own = fitted(`${partition.name}_${name}`);
    const build = {
      ...node,
      idxname: own,
      concurrent: true,
      relation: { ...relation, schemaname: partition.schema, relname: partition.name, inh: true },
    };
    draft.act({
      stage,
      phase,
      title: `build ${own}`,
      run: concurrently({ schema: partition.schema, name: own, sql: draft.language.deparse({ IndexStmt: build }) }),
      table: `${partition.schema}.${partition.name}`,
      lock: "SHARE UPDATE EXCLUSIVE",
      work: "index build",
    });
    draft.act({
      stage,
      phase,
      title: `attach ${own}`,
      run: {
        kind: "transaction",
        sql: [`ALTER INDEX ${parent} ATTACH PARTITION ${qualified({ schema: partition.schema, name: own })}`],
      },
      // On the index alone, which every query of the partition needs.
      table: `${partition.schema}.${partition.name}`,
      lock: "ACCESS EXCLUSIVE",
      work: "instant",
    });
  }
}

/** #39: the running release's queries may need it until the last of them is gone. */
export function dropIndex(draft: PlanDraft, name: ObjectName, missingOk: boolean): void {
  const found = indexOf(draft.catalog, name);
  if (found === null) {
    if (!missingOk) draft.refuse("unknown-object", `there is no index ${name.name}`, []);
    return;
  }
  const phase = draft.phase("contract");
  draft.act({
    stage: phase === "contract" ? "drop" : "shape",
    phase,
    title: `drop index ${name.name}`,
    run: {
      kind: "alone",
      sql: `DROP INDEX CONCURRENTLY IF EXISTS ${qualified(name)}`,
      done: `SELECT to_regclass(${literal(qualified(name))}) IS NULL AS done`,
    },
    table: `${found.table.schema}.${found.table.name}`,
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "instant",
  });
}

/** #40 */
export function reindex(draft: PlanDraft, node: Node): void {
  const kind = text(node, "kind");
  if (kind !== "REINDEX_OBJECT_INDEX" && kind !== "REINDEX_OBJECT_TABLE") {
    draft.refuse("reindex", "it would lock one table after the other", ["REINDEX INDEX <name>; -- one by one"]);
    return;
  }
  const name = rangeName(child(node, "relation"), draft.schema);
  const what = kind === "REINDEX_OBJECT_INDEX" ? "INDEX" : "TABLE";
  const table = what === "TABLE" ? tableOf(draft.catalog, name) : (indexOf(draft.catalog, name)?.table ?? null);
  draft.act({
    stage: "check",
    phase: draft.phase("expand"),
    title: `rebuild ${name.name}`,
    run: {
      kind: "alone",
      sql: `REINDEX ${what} CONCURRENTLY ${qualified(name)}`,
      done: "SELECT false AS done",
    },
    table: table === null ? null : `${table.schema}.${table.name}`,
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "index build",
  });
}

export function renameIndex(draft: PlanDraft, node: Node): void {
  const name = rangeName(child(node, "relation"), draft.schema);
  const to = text(node, "newname");
  draft.act({
    stage: "shape",
    phase: draft.phase("expand"),
    title: `rename index ${name.name}`,
    run: { kind: "transaction", sql: [`ALTER INDEX ${qualified(name)} RENAME TO ${ident(to)}`] },
    table: null,
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "instant",
    undo: [`ALTER INDEX IF EXISTS ${qualified({ schema: name.schema, name: to })} RENAME TO ${ident(name.name)}`],
  });
}

/** Names in the list of a DROP statement. */
export function droppedNames(node: Node, schema: string): readonly ObjectName[] {
  return openedList(node, "objects").map(({ kind, node: item }) => {
    const parts = kind === "List" ? words(children(item, "items")) : [];
    return { schema: parts.length > 1 ? (parts.at(-2) ?? schema) : schema, name: parts.at(-1) ?? "" };
  });
}
