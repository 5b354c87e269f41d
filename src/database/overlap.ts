import type { ChangeSet } from "./change-set.ts";
import { ident } from "./names.ts";
import type { Action, Plan } from "./plan/action.ts";

/** `items` and `public.items` in SQL as this planner writes it, or as people do. */
const NAME = String.raw`("(?:[^"]|"")+"|[a-z_][\w$]*)`;
const DROPPED = new RegExp(
  String.raw`\bDROP\s+(?:TABLE|VIEW|MATERIALIZED\s+VIEW|FUNCTION|PROCEDURE|ROUTINE|TYPE|DOMAIN|SEQUENCE|INDEX)\s+(?:CONCURRENTLY\s+)?(?:IF\s+EXISTS\s+)?(?:${NAME}\.)?${NAME}`,
  "gi",
);

/** A change set that cannot stand beside a plan. */
export interface InTheWay {
  readonly set: ChangeSet;
  /** What the plan changes again, of this set or of a later one: they go in their order. */
  readonly names: readonly string[];
}

/** Which of these, oldest first, have to be contracted before the plan. */
export function inTheWay(plan: Plan, waiting: readonly ChangeSet[]): readonly InTheWay[] {
  const found = waiting.map((set) => ({ set, names: overlap(plan, set.plan) }));
  const upTo = found.findLastIndex(({ names }) => names.length > 0) + 1;
  const names = [...new Set(found.flatMap((one) => one.names))].toSorted();
  return found.slice(0, upTo).map(({ set }) => ({ set, names }));
}

/**
 * What a release's plan speaks of that an earlier one still has in two forms, by name; none: both can stand beside each other. Bodies of routines
 * are text: their names are looked up when they run, by whoever calls them.
 */
function overlap(plan: Plan, earlier: Plan): readonly string[] {
  const texts = [
    ...plan.actions.flatMap((action) => [...sqlOf(action), action.table ?? ""]),
    ...plan.refusals.map(({ statement }) => statement),
  ].map(withoutLiterals);
  return [...halves(earlier)].filter((name) => texts.some((text) => speaksOf(text, name))).toSorted();
}

/** The tables, views and routines that have an old and a new form until the plan's contract. */
function halves({ actions, overlay, baseSchema }: Plan): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (pattern: RegExp, text: string): void => {
    for (const found of text.matchAll(pattern)) names.add(plain(found.at(-1) ?? ""));
  };
  for (const action of actions) {
    const text = sqlOf(action).map(withoutLiterals).join(";\n");
    if (overlay !== null) add(inSchema(overlay), text);
    if (action.phase !== "contract") continue;
    if (action.table !== null) names.add(action.table.slice(action.table.indexOf(".") + 1));
    add(inSchema(baseSchema), text);
    add(DROPPED, text);
  }
  if (overlay !== null) names.delete(overlay);
  return names;
}

const escaped = (text: string): string => text.replace(/[^\w]/g, String.raw`\$&`);
const inSchema = (schema: string): RegExp => new RegExp(String.raw`(?<![\w$"])${escaped(ident(schema))}\.${NAME}`, "g");
const plain = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase());

function speaksOf(text: string, name: string): boolean {
  return new RegExp(String.raw`(?<![\w$])${escaped(name.replaceAll('"', '""'))}(?![\w$])`).test(text);
}

function sqlOf({ run }: Action): readonly string[] {
  if (run.kind === "transaction") return run.sql;
  if (run.kind === "alone") return [run.sql];
  const { table, set, where, query } = run.backfill;
  return [table, set, where, query ?? ""];
}

/** Without what stands between quotes: values, and the bodies of routines. */
function withoutLiterals(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\1\$/g, "''");
}
