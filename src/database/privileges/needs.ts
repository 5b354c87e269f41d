import { child, children, found, opened, openedList, text, words } from "../ast.ts";
import type { Node, ParsedStatement, SqlLanguage } from "../language.ts";
import { qualified, rangeName, relationOf, type ObjectName } from "../names.ts";
import type { Action, Plan } from "../plan/action.ts";
import { SqlSyntaxError } from "../language.ts";
import type { Position } from "../source/position.ts";

/** What the role that runs a plan has to have. What is not there (any more, or yet) needs nothing: the plan makes it, or it fails for that. */
export type PrivilegeNeed =
  | {
      readonly kind: "owner";
      readonly of: "relation" | "routine" | "type";
      readonly name: string;
      /** Whoever owns the schema may do it too. */
      readonly orOfSchema?: true;
    }
  | {
      readonly kind: "privilege";
      readonly on: "table";
      readonly name: string;
      readonly privilege: TablePrivilege;
      /** To give it to others. */
      readonly grantable?: true;
    }
  | { readonly kind: "privilege"; readonly on: "tablespace"; readonly name: string; readonly privilege: "CREATE" }
  /** To make it, where it is not there. */
  | { readonly kind: "extension"; readonly name: string }
  /** To make roles. */
  | { readonly kind: "createrole"; readonly name: "" }
  /** To act as another role, or to say who else may. */
  | { readonly kind: "member" | "admin"; readonly name: string }
  | { readonly kind: "privilege"; readonly on: "schema"; readonly name: string; readonly privilege: "CREATE" }
  | {
      readonly kind: "privilege";
      readonly on: "database";
      readonly name: "";
      readonly privilege: "CREATE";
      /** Not needed where this schema is. */
      readonly unless?: string;
    };

const TABLE_PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"] as const;
type TablePrivilege = (typeof TABLE_PRIVILEGES)[number];

/** A need with the statement that it comes from; null: Hitless' own. Each need is given once, for the first statement that has it. */
export interface PlacedNeed {
  readonly need: PrivilegeNeed;
  readonly cause: Position | null;
}

/** By PostgreSQL's own rules for each kind of statement; of kinds that are not known nothing is said. */
export function privilegeNeeds(language: SqlLanguage, { actions, baseSchema }: Plan): readonly PlacedNeed[] {
  const needs = new Map<string, PlacedNeed>();
  for (const action of actions) {
    for (const need of actionNeeds(language, action, baseSchema)) {
      const key = JSON.stringify(need);
      if (!needs.has(key)) needs.set(key, { need, cause: action.cause });
    }
  }
  return [...needs.values()];
}

function actionNeeds(language: SqlLanguage, { run }: Action, schema: string): readonly PrivilegeNeed[] {
  if (run.kind === "backfill") {
    const { table, delete: deletes } = run.backfill;
    return [onTable(table, "SELECT"), onTable(table, deletes === true ? "DELETE" : "UPDATE")];
  }
  const texts = run.kind === "alone" ? [run.sql] : run.sql;
  return texts.flatMap((sql) => parsed(language, sql)).flatMap((statement) => statementNeeds(statement, schema));
}

function parsed(language: SqlLanguage, sql: string): readonly ParsedStatement[] {
  try {
    return language.parse(sql);
  } catch (error) {
    if (error instanceof SqlSyntaxError) return [];
    throw error;
  }
}

const ownerOf = (name: string): PrivilegeNeed => ({ kind: "owner", of: "relation", name });
const onTable = (name: string, privilege: TablePrivilege) => ({ kind: "privilege", on: "table", name, privilege }) as const;
const createIn = ({ schema }: Pick<ObjectName, "schema">): PrivilegeNeed => ({
  kind: "privilege",
  on: "schema",
  name: schema,
  privilege: "CREATE",
});

type NeedsOf = (node: Node, schema: string) => readonly PrivilegeNeed[];

const owner: NeedsOf = (node, schema) => [ownerOf(qualified(relationOf(node, schema)))];
const creates: NeedsOf = (node, schema) => [createIn(relationOf(node, schema))];
const writes =
  (privilege: TablePrivilege): NeedsOf =>
  (node, schema) => [onTable(qualified(relationOf(node, schema)), privilege)];
/** Of what is named by a list of words. */
const namedIn =
  (key: string): NeedsOf =>
  (node, schema) => [createIn({ schema: schemaOf(words(children(node, key)), schema) })];

const schemaOf = (path: readonly string[], schema: string): string => path.at(-2) ?? schema;

const NEEDS: Readonly<Record<string, NeedsOf>> = {
  AlterTableStmt: (node, schema) => [...owner(node, schema), ...references(node, schema), ...newOwners(node)],
  IndexStmt: (node, schema) => [...owner(node, schema), ...creates(node, schema), ...inTablespace(text(node, "tableSpace"))],
  RenameStmt: renamed,
  AlterObjectSchemaStmt: (node) => [createIn({ schema: text(node, "newschema") })],
  CreateTrigStmt: writes("TRIGGER"),
  RuleStmt: owner,
  CreatePolicyStmt: (node, schema) => [ownerOf(qualified(rangeName(child(node, "table"), schema)))],
  CreateStmt: (node, schema) => [
    ...creates(node, schema),
    ...parents(node, schema),
    ...references(node, schema),
    ...inTablespace(text(node, "tablespacename")),
  ],
  ViewStmt: (node, schema) => {
    const view = rangeName(child(node, "view"), schema);
    return [createIn(view), ...(node["replace"] === true ? [ownerOf(qualified(view))] : [])];
  },
  CreateSeqStmt: (node, schema) => [createIn(rangeName(child(node, "sequence"), schema))],
  CreateFunctionStmt: (node, schema) => [
    ...namedIn("funcname")(node, schema),
    ...(node["replace"] === true ? [routineOwner(words(children(node, "funcname")), schema)] : []),
  ],
  CreateEnumStmt: namedIn("typeName"),
  CreateDomainStmt: namedIn("domainname"),
  AlterEnumStmt: (node, schema) => [typeOwner(words(children(node, "typeName")), schema)],
  AlterDomainStmt: (node, schema) => [typeOwner(words(children(node, "typeName")), schema)],
  CreateSchemaStmt: () => [{ kind: "privilege", on: "database", name: "", privilege: "CREATE" }],
  CreateExtensionStmt: (node) => [{ kind: "extension", name: text(node, "extname") }],
  CreateRoleStmt: () => [{ kind: "createrole", name: "" }],
  GrantRoleStmt: (node) =>
    openedList(node, "granted_roles").map(({ node: role }) => ({ kind: "admin", name: text(role, "priv_name") })),
  GrantStmt: granted,
  AlterOwnerStmt: newOwners,
  DropStmt: dropped,
  InsertStmt: writes("INSERT"),
  UpdateStmt: writes("UPDATE"),
  DeleteStmt: writes("DELETE"),
};

function statementNeeds({ kind, node }: ParsedStatement, schema: string): readonly PrivilegeNeed[] {
  return NEEDS[kind]?.(node, schema) ?? [];
}

const inTablespace = (name: string): readonly PrivilegeNeed[] =>
  name === "" ? [] : [{ kind: "privilege", on: "tablespace", name, privilege: "CREATE" }];

/** Who gives something away must be able to act as the one who gets it. */
function newOwners(node: Node): readonly PrivilegeNeed[] {
  const owners = [child(node, "newowner"), ...found(node, "AlterTableCmd").map((command) => child(command, "newowner"))];
  return owners.flatMap((role) =>
    role === null || text(role, "rolename") === "" ? [] : [{ kind: "member", name: text(role, "rolename") }],
  );
}

/** What one has only for oneself cannot be given: PostgreSQL warns, and gives nothing. */
function granted(node: Node, schema: string): readonly PrivilegeNeed[] {
  if (text(node, "targtype") !== "ACL_TARGET_OBJECT" || text(node, "objtype") !== "OBJECT_TABLE") return [];
  const named = openedList(node, "privileges").map(({ node: one }) => text(one, "priv_name").toUpperCase());
  const tables = openedList(node, "objects").map(({ node: range }) => qualified(rangeName(range, schema)));
  if (named.length === 0) return tables.map(ownerOf);
  return tables.flatMap((name) =>
    TABLE_PRIVILEGES.filter((privilege) => named.includes(privilege)).map(
      (privilege) => ({ ...onTable(name, privilege), grantable: true }) as const,
    ),
  );
}

function renamed(node: Node, schema: string): readonly PrivilegeNeed[] {
  if (child(node, "relation") === null) return [];
  const moves = ["OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE"];
  return [...owner(node, schema), ...(moves.includes(text(node, "renameType")) ? creates(node, schema) : [])];
}

/** Tables that foreign keys refer to. */
function references(node: Node, schema: string): readonly PrivilegeNeed[] {
  return found(node, "Constraint").flatMap((constraint) => {
    const target = child(constraint, "pktable");
    return target === null ? [] : [onTable(qualified(rangeName(target, schema)), "REFERENCES")];
  });
}

/** A partition or a child is also a change of what it belongs to. */
function parents(node: Node, schema: string): readonly PrivilegeNeed[] {
  return openedList(node, "inhRelations").map(({ node: range }) => ownerOf(qualified(rangeName(range, schema))));
}

const RELATIONS = ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"];
const ON_TABLE = ["OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"];
const ROUTINES = ["OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"];

function dropped(node: Node, schema: string): readonly PrivilegeNeed[] {
  const type = text(node, "removeType");
  return children(node, "objects").flatMap((object): readonly PrivilegeNeed[] => {
    const { node: inner } = opened(object);
    const path = words(children(inner, "items"));
    if (RELATIONS.includes(type)) return [{ kind: "owner", of: "relation", name: qualifiedPath(path, schema), orOfSchema: true }];
    if (ON_TABLE.includes(type)) return [ownerOf(qualifiedPath(path.slice(0, -1), schema))];
    return ROUTINES.includes(type) ? [{ ...routineOwner(words(children(inner, "objname")), schema), orOfSchema: true }] : [];
  });
}

const qualifiedPath = (path: readonly string[], schema: string): string =>
  qualified({ schema: schemaOf(path, schema), name: path.at(-1) ?? "" });
const routineOwner = (path: readonly string[], schema: string): PrivilegeNeed & { kind: "owner" } => ({
  kind: "owner",
  of: "routine",
  name: qualifiedPath(path, schema),
});
const typeOwner = (path: readonly string[], schema: string): PrivilegeNeed => ({
  kind: "owner",
  of: "type",
  name: qualifiedPath(path, schema),
});
