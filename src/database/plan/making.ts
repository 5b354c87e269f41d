import { child, children, text, words } from "../ast.ts";
import type { Node } from "../language.ts";
import { ident, literal, qualified, rangeName, type ObjectName } from "../names.ts";
import type { Action } from "./action.ts";
import type { PlanDraft } from "./draft.ts";
import { takeOver } from "./take-over.ts";

export const hasRows = (table: ObjectName): string => `SELECT EXISTS (SELECT FROM ${qualified(table)}) AS keep`;

/** The table goes only if nobody has written to it meanwhile. */
export function dropEmpty(name: ObjectName): string {
  const table = qualified(name);
  const filled = literal(`${table} is not empty any more`);
  return `DO ${literal(`BEGIN
  LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM ${table}) THEN RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = ${filled}; END IF;
  DROP TABLE ${table};
END`)}`;
}

/** An object that a statement makes, and that belongs to no table. */
interface Making {
  /** As in `type public.mood`. */
  readonly label: string;
  /** How it is taken back; none: it stays, and disturbs nobody. */
  readonly undo?: string;
  /** A query for one boolean: whether something that stays needs it, or it has counted already. */
  readonly keepIf?: string;
}

type MakingOf = (node: Node, schema: string) => Making;

const nameIn = (node: Node, key: string): string => words(children(node, key)).map(ident).join(".");
const exists = (from: string): string => `SELECT EXISTS (SELECT FROM ${from}) AS keep`;
/** Something that does not belong to it depends on it. */
const needed = (catalog: string, oid: string): string =>
  exists(`pg_depend WHERE refclassid = ${literal(catalog)}::regclass AND refobjid = ${oid} AND deptype = 'n'`);
const type = (word: "TYPE" | "DOMAIN", name: string): Making => ({
  label: `${word.toLowerCase()} ${name}`,
  undo: `DROP ${word} IF EXISTS ${name}`,
  keepIf: needed("pg_type", `to_regtype(${literal(name)})`),
});
/** What may stay for as long as it likes. */
const lasting =
  (word: string, key: string, [catalog, column]: readonly [string, string]): MakingOf =>
  (node) => ({
    label: `${word} ${ident(text(node, key))}`,
    keepIf: exists(`${catalog} WHERE ${column} = ${literal(text(node, key))}`),
  });

const MAKINGS: Readonly<Record<string, MakingOf>> = {
  CreateEnumStmt: (node) => type("TYPE", nameIn(node, "typeName")),
  CreateRangeStmt: (node) => type("TYPE", nameIn(node, "typeName")),
  CompositeTypeStmt: (node, schema) => type("TYPE", qualified(rangeName(child(node, "typevar"), schema))),
  CreateDomainStmt: (node) => type("DOMAIN", nameIn(node, "domainname")),
  CreateSeqStmt: (node, schema) => {
    const name = qualified(rangeName(child(node, "sequence"), schema));
    const isNeeded = needed("pg_class", `to_regclass(${literal(name)})`).replace(" AS keep", "");
    return {
      label: `sequence ${name}`,
      undo: `DROP SEQUENCE IF EXISTS ${name}`,
      // Numbers that were given out are not given out again.
      keepIf: `SELECT is_called OR (${isNeeded}) AS keep FROM ${name}`,
    };
  },
  CreateExtensionStmt: lasting("extension", "extname", ["pg_extension", "extname"]),
  CreateSchemaStmt: lasting("schema", "schemaname", ["pg_namespace", "nspname"]),
  CreateRoleStmt: lasting("role", "role", ["pg_roles", "rolname"]),
  CreateTableAsStmt: (node, schema) => {
    const name = rangeName(child(child(node, "into") ?? {}, "rel"), schema);
    if (text(node, "objtype") === "OBJECT_MATVIEW")
      return { label: `view ${qualified(name)}`, undo: `DROP MATERIALIZED VIEW IF EXISTS ${qualified(name)}` };
    return { label: `table ${qualified(name)}`, undo: `DROP TABLE IF EXISTS ${qualified(name)}`, keepIf: hasRows(name) };
  },
};

/** A statement that makes an object of its own. One that an earlier release has left, because what it left needs it, is taken as it is. */
export function make(draft: PlanDraft, title: string, work: Action["work"] = "instant"): void {
  const { kind, node, text: statement } = draft.statement;
  const making = MAKINGS[kind]?.(node, draft.schema);
  // Where nothing is known of what it makes, that stays, and the same statement does not make it again.
  const { label, undo, keepIf } = making ?? { label: undefined, undo: undefined, keepIf: "SELECT true AS keep" };
  const keeps = { statement, makes: label };
  const left = takeOver(draft, keeps, statement);
  if (left === "same") return;
  const phase = draft.phase("expand");
  draft.act({
    stage: phase === "contract" ? "tidy" : "shape",
    phase,
    title,
    run: { kind: "transaction", sql: [...(left === "empty" && undo !== undefined ? [undo] : []), statement] },
    table: null,
    lock: null,
    work,
    undo: undo === undefined ? [] : [undo],
    ...(keepIf === undefined ? {} : { keepIf, keeps }),
  });
}

/** How the making of what always goes with the release is taken back. */
export function undoOf(kind: string, node: Node, schema: string): readonly string[] {
  switch (kind) {
    case "CreateStatsStmt":
      return [`DROP STATISTICS IF EXISTS ${nameIn(node, "defnames")}`];
    case "CreatePublicationStmt":
      return [`DROP PUBLICATION IF EXISTS ${ident(text(node, "pubname"))}`];
    case "CreatePolicyStmt":
      return [
        `DROP POLICY IF EXISTS ${ident(text(node, "policy_name"))} ON ${qualified(rangeName(child(node, "table"), schema))}`,
      ];
    default:
      return [];
  }
}
