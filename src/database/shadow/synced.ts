import type { Catalog, Table } from "../catalog.ts";
import { ident, qualified, type ObjectName } from "../names.ts";
import type { Action, Plan, Refusal } from "../plan/action.ts";
import { sampleValues } from "./sample.ts";

/** A table whose columns a plan keeps in step by triggers. */
export interface SyncedTable {
  readonly table: Table;
  /** Makes the triggers. */
  readonly action: Action;
  /** As the new release sees it; null: the table itself. */
  readonly view: ObjectName | null;
}

export function syncedTables({ actions, overlay }: Plan, catalog: Catalog): readonly SyncedTable[] {
  const views = actions.flatMap(sqlOf).filter((sql) => sql.startsWith("CREATE OR REPLACE VIEW "));
  return actions.flatMap((action) => {
    const table = catalog.tables.find(({ schema, name }) => `${schema}.${name}` === action.table);
    if (table === undefined || !sqlOf(action).some((sql) => /TRIGGER "?zz_hitless_r/.test(sql))) return [];
    const view = views.find((sql) => sql.endsWith(` FROM ${qualified(table)}`));
    const name = /^CREATE OR REPLACE VIEW (?:"[^"]+"|\S+?)\.("(?:[^"]|"")+"|\S+)/.exec(view ?? "")?.[1];
    const plain = name?.replace(/^"|"$/g, "").replaceAll('""', '"');
    return [{ table, action, view: plain === undefined || overlay === null ? null : { schema: overlay, name: plain } }];
  });
}

const sqlOf = ({ run }: Action): readonly string[] => (run.kind === "transaction" ? run.sql : []);

/** Each a transaction that writes and changes a row of a table, and so calls its triggers; the last one with what nobody expects. */
export function sampleWrites(catalog: Catalog, base: Table, seen: Table): readonly (readonly string[])[] {
  const keys = new Set(
    base.constraints.flatMap(({ kind, columns }) => (kind === "primary" || kind === "foreign" ? columns : [])),
  );
  const names = seen.columns.map(({ name }) => ident(name));
  return ([1, 2, "unusual"] as const).map((row) => {
    const values = sampleValues(catalog, seen, row);
    const others = sampleValues(catalog, seen, row === 1 ? 2 : 1);
    const changed = seen.columns.flatMap(({ name }, at) => (keys.has(name) ? [] : [`${ident(name)} = ${others[at] ?? "NULL"}`]));
    return [
      `TRUNCATE ${qualified(base)} CASCADE`,
      `INSERT INTO ${qualified(seen)} (${names.join(", ")}) VALUES (${values.join(", ")})`,
      ...(changed.length === 0 ? [] : [`UPDATE ${qualified(seen)} SET ${changed.join(", ")}`]),
    ];
  });
}

/** The column that a trigger was computing when it failed, and how. */
export interface FailedSync {
  readonly target: string;
  readonly expression: string;
}

/** Texts that are made up say nothing of what an expression makes of real ones. */
export function readsText(expression: string, columns: readonly { readonly name: string; readonly type: string }[]): boolean {
  const read = new Set(Array.from(expression.matchAll(/\bnew\.("[^"]+"|[\w$]+)/gi), ([, name]) => name));
  return columns.some(({ name, type }) => read.has(ident(name)) && /^(character|text|citext|name|json|bytea|xml)/.test(type));
}

/** By PostgreSQL's context of an error, innermost first; null: none of the plan's triggers has failed. */
export function failedSync({ action }: SyncedTable, overlay: string, where: string): FailedSync | null {
  for (const [, name = "", line = "0"] of where.matchAll(/PL\/pgSQL function (.+)\(\) line (\d+) at assignment/g)) {
    // Without its schema where the session looks names up in the overlay.
    const routine = name.startsWith(`${ident(overlay)}.`) ? name : `${ident(overlay)}.${name}`;
    const sql = sqlOf(action).find((text) => text.startsWith(`CREATE OR REPLACE FUNCTION ${routine}()`)) ?? "";
    const body = sql.slice(sql.indexOf("'") + 1).replaceAll("''", "'");
    const [, target, expression] = /NEW\.("[^"]+"|\w+) := (.*?);/.exec(body.split("\n")[Number(line) - 1] ?? "") ?? [];
    if (target !== undefined && expression !== undefined) return { target, expression };
  }
  return null;
}

/** The statement that has asked for the column, else the first that is about the table. */
export function causeOf(plan: Plan, { table }: SyncedTable, target: string): Pick<Refusal, "position" | "statement"> {
  const asked = plan.actions.find((action) => action.cause !== null && sqlOf(action).some((sql) => sql.includes(target)));
  const about = plan.statements.find(({ text }) => text.includes(table.name));
  const statement = plan.statements.find(({ position }) => position === asked?.cause) ?? about ?? plan.statements[0];
  return { position: statement?.position ?? { path: "", line: 1, column: 1 }, statement: statement?.text ?? "" };
}
