import { child, found, openedList, text, words, children } from "../ast.ts";
import type { Node } from "../language.ts";
import type { PlanDraft } from "./draft.ts";
import { oneLine } from "./alter.ts";

/** A column definition, taken apart. */
export interface ColumnDef {
  readonly name: string;
  /** As it is written: `numeric(10, 2)`. */
  readonly type: string;
  readonly collation: string | null;
  readonly serial: "smallint" | "integer" | "bigint" | null;
  readonly notNull: boolean;
  readonly default: Node | null;
  readonly generated: { readonly kind: "stored" | "virtual"; readonly expression: Node } | null;
  readonly identity: "always" | "by default" | null;
  readonly checks: readonly Node[];
  readonly unique: readonly Node[];
  readonly primary: boolean;
  readonly references: readonly Node[];
}

const SERIALS: Readonly<Record<string, ColumnDef["serial"]>> = {
  serial: "integer",
  serial4: "integer",
  bigserial: "bigint",
  serial8: "bigint",
  smallserial: "smallint",
  serial2: "smallint",
};

export function columnDef(draft: PlanDraft, def: Node): ColumnDef {
  const constraints = openedList(def, "constraints").map(({ node }) => node);
  const of = (kind: string): readonly Node[] => constraints.filter((constraint) => text(constraint, "contype") === kind);
  const enforceable = (kind: string): readonly Node[] =>
    of(kind).map((constraint) => ({ ...constraint, is_enforced: isEnforced(constraints, constraint) }));
  const type = typeText(draft, child(def, "typeName"));
  const serial = SERIALS[type.replace(/^.*\./, "").toLowerCase()] ?? null;
  const [generated] = of("CONSTR_GENERATED");
  const [identity] = of("CONSTR_IDENTITY");
  const expression = generated === undefined ? null : child(generated, "raw_expr");
  const primary = of("CONSTR_PRIMARY").length > 0;
  return {
    name: text(def, "colname"),
    type: serial ?? type,
    collation: collationOf(def),
    serial,
    notNull: of("CONSTR_NOTNULL").length > 0 || primary || serial !== null || identity !== undefined,
    default: child(of("CONSTR_DEFAULT")[0] ?? {}, "raw_expr"),
    generated:
      generated === undefined || expression === null
        ? null
        : { kind: text(generated, "generated_kind") === "v" ? "virtual" : "stored", expression },
    identity: identity === undefined ? null : text(identity, "generated_when") === "a" ? "always" : "by default",
    checks: enforceable("CONSTR_CHECK"),
    unique: of("CONSTR_UNIQUE"),
    primary,
    references: enforceable("CONSTR_FOREIGN"),
  };
}

/** What is said of a column's constraint stands after it, up to the next one. */
function isEnforced(constraints: readonly Node[], constraint: Node): boolean {
  const after = constraints.slice(constraints.indexOf(constraint) + 1).map((node) => text(node, "contype"));
  const next = after.findIndex((kind) => !kind.startsWith("CONSTR_ATTR_"));
  return !after.slice(0, next === -1 ? undefined : next).includes("CONSTR_ATTR_NOT_ENFORCED");
}

export function typeText(draft: PlanDraft, type: Node | null): string {
  return type === null ? "" : oneLine(draft.language.deparse({ TypeName: type }));
}

export function collationOf(def: Node): string | null {
  const clause = child(def, "collClause");
  return clause === null
    ? null
    : words(children(clause, "collname"))
        .map((word) => `"${word}"`)
        .join(".");
}

/** PostgreSQL's own functions that give another value with every row. */
const VOLATILE =
  /^(random|random_normal|setseed|clock_timestamp|timeofday|gen_random_uuid|uuidv4|uuidv7|uuid_generate_v\w+|nextval|setval|lastval|currval|pg_sleep\w*|txid_current|pg_current_xact_id|gen_random_bytes|gen_salt)$/;

/** Whether the expression may give another value for every row, so that adding it as a default rewrites the table. */
export function isVolatile(draft: PlanDraft, expression: Node): boolean {
  return found(expression, "FuncCall").some((call) => {
    const name = words(children(call, "funcname")).at(-1) ?? "";
    if (VOLATILE.test(name)) return true;
    const own = draft.catalog.routines.filter((routine) => routine.name === name);
    return own.some(({ definition }) => !/^\s*(?:.*\s)?(IMMUTABLE|STABLE)\b/m.test(definition?.split(/\bAS \$/)[0] ?? ""));
  });
}
