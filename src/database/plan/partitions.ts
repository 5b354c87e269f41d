import { child, children, flag, openedList, text } from "../ast.ts";
import type { Table } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified, rangeName } from "../names.ts";
import { alterSql, oneLine, quoteTable, tableLabel, validate } from "./alter.ts";
import type { LockMode } from "./action.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { dropEmpty, hasRows } from "./making.ts";
import { takeOver, type TakeOver } from "./take-over.ts";

/** #54: with a check that says the same as the bounds, attaching reads no row. */
export function attachPartition(draft: PlanDraft, parent: TableDraft, command: Node): void {
  const part = child(child(command, "def") ?? {}, "PartitionCmd") ?? {};
  const name = rangeName(child(part, "name"), draft.schema);
  const bound = child(part, "bound");
  const partition = draft.table(name);
  if (partition === null || bound === null) {
    draft.refuse("unknown-object", `there is no table ${name.name}`, []);
    return;
  }
  attach(draft, parent, { partition, bound });
}

/** `brought`: the release makes the partition itself, and what was written to it stays where all releases find it. */
function attach(
  draft: PlanDraft,
  parent: TableDraft,
  { partition, bound }: { partition: TableDraft; bound: Node },
  brought = false,
): void {
  const check = boundCheck(draft, parent.base, bound);
  if (check === null) {
    draft.refuse(
      "attach-partition",
      "its rows would be checked under a lock that stops all reads and writes of it; no check can be inferred from these bounds",
      [
        `ALTER TABLE ${quoteTable(partition)} ADD CONSTRAINT fits CHECK (…) NOT VALID;`,
        `ALTER TABLE ${quoteTable(partition)} VALIDATE CONSTRAINT fits;`,
        `-- hitless: accept attach-partition because the check "fits" says the same as the bounds`,
        `${draft.statement.text};`,
      ],
    );
    return;
  }
  const constraint = fitted(`${partition.physical.name}_fits_r${String(draft.release)}`);
  const on = quoteTable(partition);
  draft.act({
    stage: "check",
    phase: "expand",
    title: `say what ${partition.name.name} holds`,
    run: { kind: "transaction", sql: [`ALTER TABLE ${on} ADD CONSTRAINT ${ident(constraint)} CHECK (${check}) NOT VALID`] },
    table: tableLabel(partition),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${on} DROP CONSTRAINT IF EXISTS ${ident(constraint)}`],
  });
  validate(draft, partition, constraint, "expand");
  const command = {
    subtype: "AT_AttachPartition",
    def: {
      PartitionCmd: {
        name: { schemaname: partition.physical.schema, relname: partition.physical.name, inh: true, relpersistence: "p" },
        bound,
      },
    },
  };
  draft.act({
    stage: "check",
    phase: "expand",
    title: `attach ${partition.name.name} to ${parent.name.name}`,
    run: {
      kind: "transaction",
      sql: [alterSql(draft, parent.physical, [command]), `ALTER TABLE ${on} DROP CONSTRAINT ${ident(constraint)}`],
    },
    table: tableLabel(partition),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(parent)} DETACH PARTITION ${on}`],
    ...(brought
      ? { keepIf: hasRows(partition.physical), keeps: { statement: draft.statement.text, of: partition.physical } }
      : {}),
  });
}

/** What the bounds ask of a row, for one plain column as the key: nothing else can be said without guessing. */
function boundCheck(draft: PlanDraft, parent: Table | null, bound: Node): string | null {
  const key = /^(RANGE|LIST) \(("?[\w$]+"?)\)$/.exec(parent?.partitionKey ?? "");
  if (key === null || flag(bound, "is_default")) return null;
  const column = key[2] ?? "";
  const values = (list: string): readonly (string | null)[] =>
    openedList(bound, list).map(({ kind, node }) =>
      kind === "ColumnRef" ? null : oneLine(draft.language.deparse({ [kind]: node })),
    );
  if (key[1] === "LIST") {
    const list = values("listdatums");
    const [plain, nulls] = [list.filter((value) => value !== "NULL"), list.includes("NULL")];
    return `${nulls ? `${column} IS NULL OR ` : `${column} IS NOT NULL AND `}${column} IN (${plain.join(", ")})`;
  }
  const [from = null, to = null] = [values("lowerdatums")[0], values("upperdatums")[0]];
  const ends = [from === null ? [] : [`${column} >= ${from}`], to === null ? [] : [`${column} < ${to}`]].flat();
  return [`${column} IS NOT NULL`, ...ends].join(" AND ");
}

/** #55 */
export function detachPartition(draft: PlanDraft, parent: TableDraft, command: Node): void {
  const part = child(child(command, "def") ?? {}, "PartitionCmd") ?? {};
  const name = rangeName(child(part, "name"), draft.schema);
  draft.act({
    stage: "drop",
    phase: draft.phase("contract"),
    title: `detach ${name.name} from ${parent.name.name}`,
    run: {
      kind: "alone",
      sql: `ALTER TABLE ${qualified(parent.name)} DETACH PARTITION ${qualified(name)} CONCURRENTLY`,
      done: `SELECT NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(${literal(qualified(name))})) AS done`,
      repair: {
        broken: `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(${literal(qualified(name))}) AND inhdetachpending) AS broken`,
        sql: `ALTER TABLE ${qualified(parent.name)} DETACH PARTITION ${qualified(name)} FINALIZE`,
      },
    },
    table: tableLabel(parent),
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "instant",
  });
}

/** #53: made as a table of its own, then attached: the parent is never locked against anybody. */
export function createPartition(draft: PlanDraft, node: Node, partition: TableDraft): void {
  const parentName = rangeName(openedList(node, "inhRelations")[0]?.node ?? null, draft.schema);
  const parent = draft.table(parentName);
  const bound = child(node, "partbound");
  if (parent === null || bound === null) {
    draft.refuse("unknown-object", `there is no table ${parentName.name}`, []);
    return;
  }
  if (parent.base === null || children(node, "tableElts").length > 0 || child(node, "partspec") !== null) {
    asIs(draft, node, partition);
    return;
  }
  const like = `(LIKE ${quoteTable(parent)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)`;
  const left = makeTable(draft, partition, null, (there) => `CREATE TABLE ${there}${quoteTable(partition)} ${like}`);
  const isAttached = draft.leftovers.table(partition.physical)?.partitionOf !== null;
  if (left === "same" && isAttached) draft.leftovers.takesRun(draft.statement.text);
  else attach(draft, parent, { partition, bound: text(bound, "strategy") === "" ? { ...bound, strategy: "r" } : bound }, true);
}

function asIs(draft: PlanDraft, node: Node, partition: TableDraft): void {
  makeTable(draft, partition, "ACCESS EXCLUSIVE", (there) =>
    draft.language.deparse({ CreateStmt: { ...node, if_not_exists: there !== "" } }),
  );
}

/** A table with rows stays, where it is, when the release is taken back. */
function makeTable(
  draft: PlanDraft,
  { name, physical }: TableDraft,
  lock: LockMode | null,
  create: (there: string) => string,
): TakeOver {
  const keeps = { ...physical, column: null };
  const left = takeOver(draft, keeps, create(""));
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `make ${name.name}`,
    run: {
      kind: "transaction",
      sql: [...(left === "empty" ? [dropEmpty(physical)] : []), create(left === "same" ? "IF NOT EXISTS " : "")],
    },
    table: null,
    lock,
    work: "instant",
    undo: [`DROP TABLE IF EXISTS ${qualified(physical)}`],
    keepIf: hasRows(physical),
    keeps,
  });
  return left;
}
