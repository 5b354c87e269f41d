import { lookupPath, type Catalog } from "../catalog.ts";
import { ident, qualified, type ObjectName } from "../names.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";

/**
 * The release gets a view of the table, in a schema that its sessions look into first: that shows it to whoever names the table without its
 * schema. A table that is not found so would go on being seen as it was, or its view would stand before another table of its name.
 */
export function seeDifferently(draft: PlanDraft, table: TableDraft): void {
  if (table.seenDifferently) return;
  table.seenDifferently = true;
  const { base, name, physical } = table;
  if (base === null || name.schema !== physical.schema) return;
  const path = lookupPath(draft.catalog);
  const place = path.indexOf(physical.schema);
  const other = path
    .slice(0, place < 0 ? path.length : place)
    .find((schema) => [physical, name].some((one) => isThere(draft.catalog, { ...one, schema })));
  if (other !== undefined) {
    draft.refuse("hidden-table", `without a schema, sessions find another table of this name, in ${ident(other)}: ${WHY}`, [
      "-- let the table have a name of its own, or come before the other one in the search_path of the application's role",
    ]);
  } else if (place < 0 && !draft.accepts("hidden-table")) {
    const schemas = [...path, physical.schema].map(ident).join(", ");
    draft.refuse("hidden-table", `sessions do not find ${qualified(physical)} without its schema: ${WHY}`, [
      `ALTER ROLE <the application's> SET search_path = ${schemas}; -- and name the table without its schema`,
      "-- or add another column, and drop the old one when no release names it any more:",
      "-- hitless: accept hidden-table because <reason>",
      `${draft.statement.text};`,
    ]);
  }
}

/**
 * Of a name that a release has only in its view until the contract, where the client does not look. True: it is refused. What is retyped or dropped is
 * found in the base as the old release has it, and is kept in step.
 */
export function goesPastView(draft: PlanDraft, name: string, mapping: string): boolean {
  if (!draft.namesSchemas || draft.accepts("qualified-name")) return false;
  draft.refuse(
    "qualified-name",
    `Prisma's client names each table with its schema, and so goes past the view in which the new release would find ${ident(name)} until the contract`,
    [
      `-- rename it in the Prisma schema alone: ${mapping}`,
      "-- or, where no Prisma client reads it: -- hitless: accept qualified-name because <reason>",
    ],
  );
  return true;
}

const WHY = "two releases see a table each in its own way only where they name it without its schema";

function isThere({ tables, views }: Catalog, { schema, name }: ObjectName): boolean {
  return [...tables, ...views].some((one) => one.schema === schema && one.name === name);
}
