import { child, children, flag, text } from "../ast.ts";
import type { Node } from "../language.ts";
import { ident, qualified, relationOf, type ObjectName } from "../names.ts";
import type { RuleId } from "../rules/rule-ids.ts";
import type { Action } from "./action.ts";
import { addColumn } from "./add-column.ts";
import { alterSql, quoteTable, tableLabel } from "./alter.ts";
import { addIdentity, changeDefault, dropColumn, dropNotNull, renameColumn, retypeColumn, setNotNull } from "./change-column.ts";
import { addConstraint, asWritten, dropConstraint, validateConstraint } from "./constraints.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { refuseRewrite } from "./move-over.ts";
import { tableThen } from "./final-names.ts";
import { finishBrought } from "./objects.ts";
import { attachPartition, detachPartition } from "./partitions.ts";
import { goesPastView, seeDifferently } from "./seen-differently.ts";

type Handler = (draft: PlanDraft, table: TableDraft, command: Node) => void;

const name = (command: Node): string => text(command, "name");
const def = (command: Node): Node => child(command, "def") ?? {};
const body = (command: Node, kind: string): Node => child(def(command), kind) ?? {};
/** As it is written, in the given phase. */
const written =
  (options: { phase?: Action["phase"]; lock?: Action["lock"] } = {}): Handler =>
  (draft, table, command) => {
    asWritten(draft, table, [command], options);
  };
const refused =
  (rule: RuleId, why: string, write: readonly string[]): Handler =>
  (draft) => {
    draft.refuse(rule, why, write);
  };

const WEAK = { lock: "SHARE UPDATE EXCLUSIVE" } as const;
/** #45 */
const movesOver =
  (create: "CREATE TABLE" | "CREATE UNLOGGED TABLE"): Handler =>
  (draft, table) => {
    refuseRewrite(draft, table.physical, { create });
  };

const HANDLERS: Readonly<Record<string, Handler>> = {
  AT_AddColumn: (draft, table, command) => {
    if (flag(command, "missing_ok") && table.all.has(text(body(command, "ColumnDef"), "colname"))) return;
    addColumn(draft, table, body(command, "ColumnDef"));
  },
  AT_DropColumn: (draft, table, command) => {
    dropColumn(draft, table, name(command), flag(command, "missing_ok"));
  },
  AT_AlterColumnType: (draft, table, command) => {
    retypeColumn(draft, table, name(command), body(command, "ColumnDef"));
  },
  AT_ColumnDefault: (draft, table, command) => {
    changeDefault(draft, table, name(command), child(command, "def"));
  },
  AT_SetNotNull: (draft, table, command) => {
    setNotNull(draft, table, name(command));
  },
  AT_DropNotNull: (draft, table, command) => {
    dropNotNull(draft, table, name(command));
  },
  AT_AddIdentity: (draft, table, command) => {
    addIdentity(draft, table, name(command), def(command));
  },
  AT_SetIdentity: written({ phase: "contract" }),
  AT_DropIdentity: written({ phase: "contract" }),
  AT_AddConstraint: (draft, table, command) => {
    addConstraint(draft, table, body(command, "Constraint"));
  },
  AT_DropConstraint: (draft, table, command) => {
    dropConstraint(draft, table, name(command), flag(command, "missing_ok"));
  },
  AT_ValidateConstraint: (draft, table, command) => {
    validateConstraint(draft, table, name(command));
  },
  AT_AlterConstraint: written(),
  AT_SetStatistics: written(WEAK),
  AT_SetOptions: written(WEAK),
  AT_ResetOptions: written(WEAK),
  AT_SetRelOptions: written(WEAK),
  AT_ResetRelOptions: written(WEAK),
  AT_SetStorage: written(),
  AT_SetCompression: written(),
  AT_ClusterOn: written(WEAK),
  AT_DropCluster: written(WEAK),
  AT_ReplicaIdentity: written(),
  AT_ChangeOwner: written(),
  AT_EnableTrig: written({ phase: "contract", lock: "SHARE ROW EXCLUSIVE" }),
  AT_DisableTrig: written({ phase: "contract", lock: "SHARE ROW EXCLUSIVE" }),
  AT_EnableRowSecurity: enableRowSecurity,
  AT_DisableRowSecurity: written({ phase: "contract" }),
  AT_ForceRowSecurity: written({ phase: "contract" }),
  AT_NoForceRowSecurity: written({ phase: "contract" }),
  AT_AttachPartition: attachPartition,
  AT_DetachPartition: detachPartition,
  AT_SetLogged: movesOver("CREATE TABLE"),
  AT_SetUnLogged: movesOver("CREATE UNLOGGED TABLE"),
  AT_SetAccessMethod: (draft, table, command) => {
    refuseRewrite(draft, table.physical, { more: ` USING ${ident(name(command))}` });
  },
  AT_SetTableSpace: refused("rewrite", "it copies the whole table under a lock that stops all reads and writes", [
    "-- move the table with pg_repack, or in a window without users",
  ]),
};

export function alterTable(draft: PlanDraft, node: Node): void {
  const named = relationOf(node, draft.schema);
  const kind = text(node, "objtype");
  if (kind === "OBJECT_INDEX") {
    alterIndex(draft, node, named);
    return;
  }
  if (kind !== "OBJECT_TABLE") {
    alterOther(draft);
    return;
  }
  const table = draft.table(named);
  if (table === null) {
    if (!flag(node, "missing_ok")) draft.refuse("unknown-object", `there is no table ${named.name}`, []);
    return;
  }
  const commands = children(node, "cmds").map((command) => child(command, "AlterTableCmd") ?? {});
  if (table.base === null) {
    finishBrought(draft, table, `finish ${table.name.name}`, alterSql(draft, table.physical, commands));
    return;
  }
  for (const command of commands) {
    const handler = HANDLERS[text(command, "subtype")];
    if (handler !== undefined) handler(draft, table, command);
    else {
      draft.refuse(
        "not-known",
        `what ${text(command, "subtype").replace(/^AT_/, "")} does to a table in use is not known to Hitless`,
        ["-- hitless can take part only in what it knows; do it by hand before the deployment"],
      );
    }
  }
}

function alterIndex(draft: PlanDraft, node: Node, name: ObjectName): void {
  draft.act({
    stage: "check",
    phase: draft.phase("expand"),
    title: `change index ${name.name}`,
    run: { kind: "transaction", sql: [draft.language.deparse({ AlterTableStmt: node })] },
    table: null,
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "instant",
  });
}

function alterOther(draft: PlanDraft): void {
  draft.refuse("view-in-place", "a view that is in use is not changed in place: the running release reads it", [
    "CREATE OR REPLACE VIEW …; -- as it should be; Hitless shows it to this release alone",
  ]);
}

/** #64: without a policy nobody but the owner would see a row. */
function enableRowSecurity(draft: PlanDraft, table: TableDraft, command: Node): void {
  const policed = table.base?.policies !== 0 || draft.policed.has(qualified(table.name));
  if (!policed && !draft.accepts("row-security")) {
    draft.refuse("row-security", `${table.name.name} has no policy: its clients would see no row at all`, [
      `CREATE POLICY … ON ${quoteTable(table)} …;`,
      `${draft.statement.text};`,
    ]);
    return;
  }
  asWritten(draft, table, [command], { phase: "contract" });
}

/** RENAME of what belongs to a table. */
export function renameInTable(draft: PlanDraft, node: Node): void {
  const named = relationOf(node, draft.schema);
  const table = draft.table(named);
  const [from, to] = [text(node, "subname"), text(node, "newname")];
  if (table === null) {
    draft.refuse("unknown-object", `there is no table ${named.name}`, []);
    return;
  }
  const kind = text(node, "renameType");
  if (table.base === null) finishBrought(draft, table, `finish ${table.name.name}`, draft.language.deparse({ RenameStmt: node }));
  else if (kind === "OBJECT_COLUMN") {
    if (!goesPastView(draft, to, `@map("${from}")`)) renameColumn(draft, table, from, to);
  } else if (kind === "OBJECT_TABCONSTRAINT") renameLater(draft, table, `RENAME CONSTRAINT ${ident(from)} TO ${ident(to)}`);
  else if (kind === "OBJECT_TRIGGER") {
    draft.act({
      stage: "tidy",
      phase: draft.phase("contract"),
      title: `rename trigger ${from}`,
      run: { kind: "transaction", sql: [`ALTER TRIGGER ${ident(from)} ON ${qualified(table.name)} RENAME TO ${ident(to)}`] },
      table: tableLabel(table),
      lock: "ACCESS EXCLUSIVE",
      work: "instant",
    });
  }
}

/** #42: code of the running release may know it by its name. */
function renameLater(draft: PlanDraft, table: TableDraft, change: string): void {
  const phase = draft.phase("contract");
  draft.act({
    stage: phase === "contract" ? "tidy" : "shape",
    phase,
    title: `rename a constraint of ${table.name.name}`,
    run: () => ({ kind: "transaction", sql: [`ALTER TABLE ${qualified(tableThen(table, phase))} ${change}`] }),
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
  });
}

/** #14: the new name is a view until the contract; the old name stays the table. */
export function renameTable(draft: PlanDraft, from: ObjectName, to: ObjectName): void {
  const table = draft.table(from);
  if (table === null) {
    draft.refuse("unknown-object", `there is no table ${from.name}`, []);
    return;
  }
  if (draft.table(to) !== null) {
    draft.refuse("column-exists", `there already is a table ${to.name}`, []);
    return;
  }
  if (table.base === null) {
    draft.refuse("not-known", `${from.name} is made by this release: make it under the name it shall have`, []);
    return;
  }
  if (goesPastView(draft, to.name, `@@map("${from.name}")`)) return;
  table.name = to;
  seeDifferently(draft, table);
}
