import { tableOf, type Table } from "../catalog.ts";
import { fitted, ident, qualified, type ObjectName } from "../names.ts";
import type { PlanDraft } from "./draft.ts";

const ANEW = "it writes the whole table anew under a lock that stops all reads and writes";

interface MoveOver {
  /** How the other table is made. */
  readonly create?: "CREATE TABLE" | "CREATE UNLOGGED TABLE";
  /** What its definition ends with, as in ` USING heap2`. */
  readonly more?: string;
  /** Whether pg_repack does it too. */
  readonly repack?: boolean;
}

/** #44, #45: what writes a table anew is done by three releases, which move over to another table. */
export function refuseRewrite(draft: PlanDraft, name: ObjectName | null, move: MoveOver = {}): void {
  const table = name === null ? null : tableOf(draft.catalog, name);
  draft.refuse("rewrite", ANEW, [
    ...(move.repack === true ? ["-- pg_repack does it beside the traffic; or, with three releases:"] : []),
    ...(table === null ? ["-- make another table, let the release write both, and move over"] : moveOver(table, move)),
  ]);
}

function moveOver(table: Table, { create = "CREATE TABLE", more = "" }: MoveOver): readonly string[] {
  const [from, name] = [qualified(table), fitted(`${table.name}_new`)];
  const to = qualified({ schema: table.schema, name });
  const keys = table.constraints
    .filter(({ kind }) => kind === "foreign")
    .map((key) => `ALTER TABLE ${to} ADD CONSTRAINT ${ident(fitted(`${key.name}_new`))} ${key.definition};`);
  const counters = table.columns.flatMap(({ name: column, default: value }) => {
    const sequence = /^nextval\('(.+)'::regclass\)$/.exec(value ?? "")?.[1];
    return sequence === undefined ? [] : [`ALTER SEQUENCE ${sequence} OWNED BY ${to}.${ident(column)};`];
  });
  return [
    "-- this release, which reads the old table and writes both, the old one first:",
    `${create} ${to} (LIKE ${from} INCLUDING ALL)${more};`,
    ...keys,
    "-- the next one, which reads the new table and still writes both; many rows are better copied by a step of the kind `batches`:",
    `INSERT INTO ${to} SELECT * FROM ${from} ON CONFLICT DO NOTHING;`,
    ...counters,
    "-- the one after that, which knows the new table only:",
    `DROP TABLE ${from};`,
  ];
}
