import type { Node, SqlLanguage } from "./language.ts";

/** Reading a parse tree: a field that is not there is what PostgreSQL leaves out, its zero value. */

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The fields of a node that stands as `{ Kind: fields }`, with its kind. */
export function opened(node: Node): { kind: string; node: Node } {
  const [entry] = Object.entries(node);
  return entry !== undefined && isNode(entry[1]) ? { kind: entry[0], node: entry[1] } : { kind: "", node: {} };
}

export function child(node: Node, key: string): Node | null {
  const value = node[key];
  return isNode(value) ? value : null;
}

export function children(node: Node, key: string): readonly Node[] {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

export function text(node: Node, key: string): string {
  const value = node[key];
  return typeof value === "string" ? value : "";
}

export function flag(node: Node, key: string): boolean {
  return node[key] === true;
}

/** The words of a list of `String` nodes: `["pg_catalog", "int4"]`. */
export function words(list: readonly Node[]): readonly string[] {
  return list.flatMap((item) => {
    const { kind, node } = opened(item);
    return kind === "String" ? [text(node, "sval")] : [];
  });
}

/** The children of a list, each opened. */
export function openedList(node: Node, key: string): readonly { kind: string; node: Node }[] {
  return children(node, key).map(opened);
}

/** Of a list of options (`DefElem`), the one of that name; null if it is not said. */
export function optionNamed(node: Node, key: string, name: string): Node | null {
  return openedList(node, key).find(({ node: option }) => text(option, "defname") === name)?.node ?? null;
}

/** Every node of the given kind below, in no promised order. */
export function found(root: unknown, kind: string): readonly Node[] {
  const nodes: Node[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
    } else if (isNode(value)) {
      const body = value[kind];
      if (isNode(body)) nodes.push(body);
      for (const field of Object.values(value)) visit(field);
    }
  };
  visit(root);
  return nodes;
}

/** The columns that an expression names, without table or with it. */
export function columnsIn(expression: unknown): readonly string[] {
  const names = found(expression, "ColumnRef").map((ref) => words(children(ref, "fields")).at(-1));
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** A copy of the tree in which every node's fields went through `change` (given the kind and the already changed fields). */
export function mapped(value: unknown, change: (kind: string, fields: Node) => Node): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (!isNode(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      const inner = mapped(field, change);
      return [key, /^[A-Z]/.test(key) && isNode(inner) ? change(key, inner) : inner];
    }),
  );
}

/** Tables and views that a statement names, with their schemas, unquoted; what it is about comes first. */
export function tablesNamed(language: SqlLanguage, sql: string, schema: string): readonly string[] {
  const ranges = language
    .parse(sql)
    .flatMap(({ node }) => [
      ...subjects(node),
      ...found(node, "RangeVar"),
      ...found(node, "Constraint").map((constraint) => child(constraint, "pktable") ?? {}),
    ]);
  const named = ranges.filter((range) => text(range, "relname") !== "");
  return [...new Set(named.map((range) => `${text(range, "schemaname") || schema}.${text(range, "relname")}`))];
}

/** The table of a statement stands without its kind; what is dropped is a list of words. */
function subjects(node: Node): readonly Node[] {
  const relation = child(node, "relation");
  if (relation !== null) return [relation];
  return openedList(node, "objects").flatMap(({ kind, node: list }) => {
    const [relname, schemaname] = words(children(list, "items")).toReversed();
    return kind === "List" && relname !== undefined ? [{ relname, schemaname }] : [];
  });
}
