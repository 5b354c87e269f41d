import { deparseSync } from "pgsql-deparser";
import { child, children, mapped, opened, text, words } from "../../database/ast.ts";
import type { Node } from "../../database/language.ts";
import { ident, qualified } from "../../database/names.ts";

/** SQL for a statement, expression or type, by pgsql-deparser where that is right; `test/integration/database/round-trip.test.ts` says where it is not. */
export function deparse(node: Node): string {
  const renamed = child(node, "RenameStmt");
  if (renamed !== null && text(renamed, "renameType") === "OBJECT_TRIGGER") return renameTrigger(renamed);
  const sql = deparseSync(mapped(node, writable) as Node);
  // The writer knows no tablespaces of tables.
  const tablespace = text(child(node, "CreateStmt") ?? {}, "tablespacename");
  return tablespace === "" ? sql : `${sql.replace(/;\s*$/, "")} TABLESPACE ${ident(tablespace)}`;
}

/** The writer leaves out which trigger. */
function renameTrigger(node: Node): string {
  const on = nameOf(child(node, "relation") ?? {});
  return `ALTER TRIGGER ${ident(text(node, "subname"))} ON ${on} RENAME TO ${ident(text(node, "newname"))}`;
}

function nameOf(range: Node): string {
  const [schema, name] = [text(range, "schemaname"), text(range, "relname")];
  return schema === "" ? ident(name) : qualified({ schema, name });
}

/** Of a number the writer gives the text as it is. */
const raw = (sql: string): Node => ({ Float: { fval: sql } });

/** The fields of a node, changed so that the writer says what they mean. */
function writable(kind: string, fields: Node): Node {
  switch (kind) {
    case "CreateStmt":
      if (fields["tableElts"] === undefined) return fields;
      return { ...fields, tableElts: children(fields, "tableElts").map(likeAsText) };
    case "SelectStmt":
      return fields["limitOption"] === "LIMIT_OPTION_WITH_TIES" ? withTies(fields) : fields;
    case "Constraint":
      return ["CONSTR_UNIQUE", "CONSTR_PRIMARY"].includes(text(fields, "contype")) ? keyWhole(fields) : fields;
    case "GrantStmt":
      return fields["objtype"] === "OBJECT_ROUTINE" && fields["targtype"] === "ACL_TARGET_OBJECT" ? routinesOf(fields) : fields;
    default:
      return fields;
  }
}

const LIKE_OPTIONS: Readonly<Record<string, number>> = {
  COMMENTS: 1,
  COMPRESSION: 2,
  CONSTRAINTS: 4,
  DEFAULTS: 8,
  GENERATED: 16,
  IDENTITY: 32,
  INDEXES: 64,
  STATISTICS: 128,
  STORAGE: 256,
};
/** `ALL` is more than the options that there are. */
const NAMED = 0x1ff;

/** The writer leaves out COMPRESSION, what is excluded from ALL, and the table where that has a schema. */
function likeAsText(element: Node): Node {
  const { kind, node } = opened(element);
  if (kind !== "TableLikeClause") return element;
  const bits = typeof node["options"] === "number" ? node["options"] : 0;
  const all = bits > NAMED;
  const wanted = Object.entries(LIKE_OPTIONS).filter(([, bit]) => ((bits & bit) === 0) === all);
  const options = [...(all ? ["INCLUDING ALL"] : []), ...wanted.map(([name]) => `${all ? "EXCLUDING" : "INCLUDING"} ${name}`)];
  return raw(["LIKE", nameOf(child(node, "relation") ?? {}), ...options].join(" "));
}

/** The writer forgets INCLUDE and WITH, which stand after the keys in parentheses of their own, and quotes no name of an index. */
function keyWhole(fields: Node): Node {
  const keys = children(fields, "keys");
  const included = words(children(fields, "including")).map(ident).join(", ");
  const options = children(fields, "options")
    .map((option) => deparse(option))
    .join(", ");
  const more = [included === "" ? "" : `INCLUDE (${included}`, options === "" ? "" : `WITH (${options}`]
    .filter(Boolean)
    .join(") ");
  const index = text(fields, "indexname");
  return {
    ...fields,
    ...(index === "" ? {} : { indexname: ident(index) }),
    ...(more === "" || keys.length === 0
      ? {}
      : { keys: keys.map((key, place) => (place === keys.length - 1 ? raw(`${ident(words([key])[0] ?? "")}) ${more}`) : key)) }),
  };
}

/** The writer says LIMIT. WITH TIES stands after an ORDER BY always. */
function withTies(fields: Node): Node {
  const count = `FETCH FIRST (${deparse(child(fields, "limitCount") ?? {})}) ROWS WITH TIES`;
  const offset = child(fields, "limitOffset");
  const rest = { ...fields, limitCount: undefined, limitOption: "LIMIT_OPTION_DEFAULT" };
  if (offset !== null) return { ...rest, limitOffset: raw(`${deparse(offset)} ${count}`) };
  const sorts = children(fields, "sortClause");
  return {
    ...rest,
    sortClause: sorts.map((sort, place) => (place === sorts.length - 1 ? raw(`${deparse(sort)} ${count}`) : sort)),
  };
}

/** The writer leaves out what kind of object they are. */
function routinesOf(fields: Node): Node {
  const objects = children(fields, "objects").map((object, place) => {
    const { node } = opened(object);
    const name = words(children(node, "objname")).map(ident).join(".");
    const types = children(node, "objargs").map((type) => deparse(type));
    const args = node["args_unspecified"] === true ? "" : `(${types.join(", ")})`;
    return raw(`${place === 0 ? "ROUTINE " : ""}${name}${args}`);
  });
  return { ...fields, objtype: "OBJECT_TABLE", objects };
}
