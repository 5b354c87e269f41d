import { child, children, openedList, text, words } from "../ast.ts";
import type { Node } from "../language.ts";
import { ident, qualified, relationOf, type ObjectName } from "../names.ts";
import type { RuleId } from "../rules/rule-ids.ts";
import { sessionRelease } from "../session-release.ts";
import type { Action } from "./action.ts";
import { tableLabel } from "./alter.ts";
import type { ActionDraft, PlanDraft, TableDraft } from "./draft.ts";
import { hasRows } from "./making.ts";
import { actTogether } from "./together.ts";

type AsWritten = Partial<Pick<Action, "phase" | "lock" | "table" | "undo" | "work">> & { readonly title: string };

/** A statement that runs as it is, in its own transaction. */
export function runAsWritten(
  draft: PlanDraft,
  { title, phase, lock = null, table = null, undo = [], work = "instant" }: AsWritten,
): void {
  const when = draft.phase(phase ?? "expand");
  draft.act({
    stage: when === "contract" ? "tidy" : "shape",
    phase: when,
    title,
    run: { kind: "transaction", sql: [draft.statement.text] },
    table,
    lock,
    work,
    undo,
  });
}

type Once = Partial<Pick<Action, "lock" | "table" | "work">> & {
  /** The release's own table, with which it goes. */
  readonly of?: ObjectName | undefined;
  /** With the statements before it in one transaction, where that hurts nobody. */
  readonly together?: boolean;
};

/** What changes data has no way back: it stays, and is not run again by the next release that brings it. */
export function runOnce(draft: PlanDraft, title: string, { of, together = false, ...more }: Once = {}): void {
  const { text: statement } = draft.statement;
  if (draft.leftovers.takesRun(statement)) {
    draft.notice("already-run", "a release that was taken back has run this statement; it is not run again");
    return;
  }
  const action: ActionDraft = {
    stage: "fill",
    phase: draft.phase("expand"),
    title,
    run: { kind: "transaction", sql: [statement] },
    table: null,
    lock: null,
    work: "instant",
    keepIf: "SELECT true AS keep",
    keeps: { statement, of },
    ...more,
  };
  if (together) actTogether(draft, action);
  else draft.act(action);
}

/** A further statement on a table that the release brings itself. Where its rows make the table stay, this has been done too. */
export function finishBrought(draft: PlanDraft, { physical }: TableDraft, title: string, sql: string): void {
  const { text: statement } = draft.statement;
  if (draft.leftovers.takesRun(statement)) return;
  draft.act({
    stage: "shape",
    phase: draft.phase("expand"),
    title,
    run: { kind: "transaction", sql: [sql] },
    table: null,
    lock: null,
    work: "instant",
    keepIf: hasRows(physical),
    keeps: { statement, of: physical },
  });
}

/** #81: all releases' writes would run it at once, so until the contract it runs for this release and later ones only. */
export function createTrigger(draft: PlanDraft, node: Node): void {
  const table = draft.table(relationOf(node, draft.schema));
  const name = text(node, "trigname");
  if (table === null) {
    draft.refuse("unknown-object", `there is no table ${text(child(node, "relation") ?? {}, "relname")}`, []);
    return;
  }
  const physical = { schemaname: table.physical.schema, relname: table.physical.name, inh: true, relpersistence: "p" };
  const fitting = { ...node, relation: physical, replace: true };
  const create = draft.language.deparse({ CreateTrigStmt: fitting });
  const on = qualified(table.physical);
  const undo = [`DROP TRIGGER IF EXISTS ${ident(name)} ON ${on}`];
  if (table.base === null || draft.phase("contract") === "expand") {
    draft.act({
      stage: "overlay",
      phase: "expand",
      title: `make trigger ${name}`,
      run: { kind: "transaction", sql: [create] },
      table: tableLabel(table),
      lock: "SHARE ROW EXCLUSIVE",
      work: "instant",
      undo,
    });
    return;
  }
  const gated = draft.language.deparse({ CreateTrigStmt: { ...fitting, whenClause: gate(draft, child(node, "whenClause")) } });
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `make trigger ${name} for writes of release r${String(draft.release)}`,
    run: { kind: "transaction", sql: [gated] },
    table: tableLabel(table),
    lock: "SHARE ROW EXCLUSIVE",
    work: "instant",
    undo,
  });
  draft.act({
    stage: "tidy",
    phase: "contract",
    title: `let trigger ${name} run for everybody`,
    run: {
      kind: "transaction",
      sql: [
        draft.language.deparse({
          CreateTrigStmt: { ...fitting, relation: { ...physical, schemaname: table.name.schema, relname: table.name.name } },
        }),
      ],
    },
    table: tableLabel(table),
    lock: "SHARE ROW EXCLUSIVE",
    work: "instant",
  });
}

function gate(draft: PlanDraft, own: Node | null): Node {
  const sql = `${sessionRelease(draft.app)} >= ${String(draft.release)}`;
  const [statement] = draft.language.parse(`SELECT ${own === null ? sql : `(${sql}) AND (${draft.language.deparse(own)})`}`);
  const [target] = statement === undefined ? [] : openedList(statement.node, "targetList");
  return child(target?.node ?? {}, "val") ?? {};
}

/** #82, and what hangs on a table like it. */
export function dropOnTable(draft: PlanDraft, node: Node): void {
  const [object] = openedList(node, "objects");
  const parts = object === undefined ? [] : words(children(object.node, "items"));
  const table = draft.table({
    schema: parts.length > 2 ? (parts.at(-3) ?? draft.schema) : draft.schema,
    name: parts.at(-2) ?? "",
  });
  runAsWritten(draft, {
    title: `drop ${parts.at(-1) ?? "it"}`,
    phase: "contract",
    lock: "ACCESS EXCLUSIVE",
    table: table === null ? null : tableLabel(table),
  });
}

/** #67 and other kinds that are refused for what they are. */
export const REFUSED: Readonly<Record<string, readonly [rule: RuleId, why: string, write: readonly string[]]>> = {
  RuleStmt: [
    "rule",
    "a rule changes the statements of every release at once, in ways that a trigger does not",
    ["CREATE TRIGGER …;"],
  ],
  DoStmt: ["opaque-block", "what a DO block does can only be seen by running it", ["-- write its statements one by one"]],
  CallStmt: ["opaque-block", "what a procedure does can only be seen by running it", ["-- write its statements one by one"]],
  CopyStmt: ["opaque-block", "a migration has no file to copy from", ["INSERT INTO … VALUES …;"]],
  LockStmt: [
    "lock-table",
    "it stops the running release for as long as the migration takes",
    ["-- leave it out: each step takes the lock it needs"],
  ],
  DropdbStmt: ["drop-database", "a release does not drop databases", []],
};
