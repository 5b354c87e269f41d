import { columnsOf } from "../../core/preparation/prepare.ts";
import { EXPAND, walks, type StepDefinition, type Walk } from "../../core/preparation/step-definition.ts";
import { tableOf, type Catalog } from "../../database/catalog.ts";
import { writtenName } from "../../database/names.ts";
import { invalidSteps } from "./invalid-steps.ts";

/** Names whose case and quotes say nothing. */
const PLAIN = /^[a-z_]\w*$/;

type Walking = StepDefinition & { readonly work: Walk };

/**
 * Batched steps of which the database can be asked now whether it has what they want: not those before which something else may make it, the expansion
 * that they need, or an earlier step of SQL or a program; and not those that are `over`, whose columns may have gone since.
 */
export function askedOf(steps: readonly StepDefinition[], over: (step: StepDefinition) => boolean): readonly Walking[] {
  const maker = steps.findIndex(({ work: { kind } }) => kind === "sql" || kind === "command" || kind === "function");
  const first = maker < 0 ? steps : steps.slice(0, maker);
  return first.filter(isWalking).filter((step) => !needsExpansion(step, steps) && !over(step));
}

/** @throws ERR_STEPS_INVALID naming every table and column that is not there */
export function refuseMissing(asked: readonly Walking[], catalog: Catalog): void {
  const missing = asked.flatMap((step) => missingFor(step, catalog));
  if (missing.length > 0) throw invalidSteps(missing);
}

function isWalking(step: StepDefinition): step is Walking {
  return walks(step.work);
}

function missingFor({ path, work }: Walking, catalog: Catalog): readonly string[] {
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
