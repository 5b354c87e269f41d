import { tablesNamed } from "../ast.ts";
import type { SqlLanguage } from "../language.ts";
import type { Notice, Plan } from "../plan/action.ts";
import type { ClientStatement } from "./corpus.ts";
import { placeOf } from "./proof.ts";

/**
 * What the new release sees differently, and the applications' statements name with its schema, as Prisma's client does: that goes past the
 * release's view. The running release may; if the new one does, it works on what the old one sees until the contract.
 */
export function pastViews(language: SqlLanguage, plan: Plan, statements: readonly ClientStatement[]): readonly Notice[] {
  if (plan.overlay === null) return [];
  const views = viewsIn(language, plan, plan.overlay);
  const past = new Map<string, ClientStatement[]>();
  for (const statement of statements) {
    for (const name of namedWithSchema(language, statement.sql)) {
      const isOverlay = name.startsWith(`${plan.overlay}.`);
      if (!isOverlay && views.has(nameOnly(name))) past.set(name, [...(past.get(name) ?? []), statement]);
    }
  }
  return [...past].map(([name, [first, ...more]]) => ({
    rule: "qualified-name",
    position: first?.position ?? null,
    text: `${more.length === 0 ? "a statement names" : `${String(more.length + 1)} statements name`} ${name} with its schema, and so past the view that this release has of it until the contract; the release must name it without: ${first === undefined ? "" : placeOf(first)}`,
  }));
}

/** Names of the views that the expansion makes for the release. */
function viewsIn(language: SqlLanguage, plan: Plan, overlay: string): ReadonlySet<string> {
  const made = plan.actions
    .filter(({ phase }) => phase === "expand")
    .flatMap(({ run }) => (run.kind === "transaction" ? run.sql : []))
    .filter((sql) => /^CREATE (OR REPLACE )?VIEW /i.test(sql));
  const named = made.flatMap((sql) => language.parse(sql)).flatMap(({ node }) => namedIn(node["view"], overlay));
  return new Set(named);
}

function namedIn(view: unknown, overlay: string): readonly string[] {
  const { schemaname, relname } = (view ?? {}) as { readonly schemaname?: unknown; readonly relname?: unknown };
  return schemaname === overlay && typeof relname === "string" ? [relname] : [];
}

const namedWithSchema = (language: SqlLanguage, sql: string): readonly string[] =>
  tablesNamed(language, sql, "").filter((name) => !name.startsWith("."));

const nameOnly = (name: string): string => name.slice(name.indexOf(".") + 1);
