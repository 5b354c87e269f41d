import { child, children, mapped, openedList, words } from "../ast.ts";
import type { Node, SqlLanguage } from "../language.ts";

/** The tree of an SQL expression. @throws SqlSyntaxError */
export function parseExpression(language: SqlLanguage, sql: string): Node {
  const [statement] = language.parse(`SELECT (${sql})`);
  const [target] = statement === undefined ? [] : openedList(statement.node, "targetList");
  const value = target === undefined ? null : child(target.node, "val");
  if (value === null) throw new Error(`not an expression: ${sql}`);
  return value;
}

/** The expression with its columns under other names, and behind a prefix such as `NEW`. */
export function rebound(expression: Node, names: ReadonlyMap<string, string>, prefix: string | null = null): Node {
  const change = (kind: string, fields: Node): Node => {
    if (kind !== "ColumnRef") return fields;
    const name = words(children(fields, "fields")).at(-1);
    if (name === undefined) return fields;
    const parts = [...(prefix === null ? [] : [prefix]), names.get(name) ?? name];
    return { ...fields, fields: parts.map((part) => ({ String: { sval: part } })) };
  };
  return mapped(expression, change) as Node;
}

/** `NEW` is written in capitals by those who read it; the writer of SQL would quote it. */
export function rowExpression(language: SqlLanguage, expression: Node, names: ReadonlyMap<string, string>): string {
  return language.deparse(rebound(expression, names, "new"));
}
