import { columnsOf } from "../../core/preparation/prepare.ts";
import { EXPAND, type StepDefinition } from "../../core/preparation/step-definition.ts";
import { tableOf, type Catalog } from "../../database/catalog.ts";
import { writtenName } from "../../database/names.ts";

/** Names whose case and quotes say nothing. */
const PLAIN = /^[a-z_]\w*$/;

/**
 * What batched steps want of the database and it does not have, each a sentence. Nothing is said of a step before which something else may make it:
 * the expansion that it needs, or an earlier step of SQL or a program.
 */
export function missingOf(steps: readonly StepDefinition[], catalog: Catalog): readonly string[] {
  const maker = steps.findIndex(({ work: { kind } }) => kind === "sql" || kind === "command" || kind === "function");
  const first = maker < 0 ? steps : steps.slice(0, maker);
  return first.filter((step) => !needsExpansion(step, steps)).flatMap((step) => missingFor(step, catalog));
}

function missingFor({ path, work }: StepDefinition, catalog: Catalog): readonly string[] {
  if (work.kind !== "update" && work.kind !== "batches") return [];
  const table = tableOf(catalog, writtenName(work.table, catalog.schema));
  const hint = `where the migrations bring it, say \`needs: [${EXPAND}]\``;
  if (table === null) return [`${path}:1: there is no table ${work.table}; ${hint}`];
  const columns = work.kind === "update" ? columnsOf(work.set).filter((name) => PLAIN.test(name)) : [];
  const unknown = columns.filter((name) => !table.columns.some((column) => column.name === name));
  return unknown.map((name) => `${path}:1: ${work.table} has no column ${name}; ${hint}`);
}

function needsExpansion(step: StepDefinition, steps: readonly StepDefinition[]): boolean {
  const seen = new Set<string>();
  const open = [...step.needs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === EXPAND) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(steps.find((one) => one.name === name)?.needs ?? []));
  }
  return false;
}
