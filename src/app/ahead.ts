import { postgresDatabase } from "../adapters/postgres/database.ts";
import type { PlanReport } from "../api/database.ts";
import type { AheadTarget } from "../cli/host.ts";
import { planAhead, type AheadPlan, type Estimated, type ExpandAction } from "../core/preparation/ahead.ts";
import { walks, type StepDefinition, type StepWork } from "../core/preparation/step-definition.ts";
import { isOver } from "../core/preparation/step-record.ts";
import type { MeasuredBackfill } from "../database/backfill/measured-rate.ts";
import { tableOf, type Catalog } from "../database/catalog.ts";
import { writtenName } from "../database/names.ts";
import { estimate } from "../database/shadow/estimate.ts";
import { backfillOf } from "../engine/preparation/database-steps.ts";
import { askedOf, refuseMissing } from "../engine/preparation/known-columns.ts";
import { stepSources } from "./step-sources.ts";

/** What could move ahead of a deployment of that source. @throws ERR_STEPS_INVALID with every problem of its steps */
export async function planAheadOf({ spec, directory, url, database, known }: AheadTarget): Promise<AheadPlan> {
  const steps = await stepSources.read(directory, spec);
  const isSized = url !== null && steps.some(({ work }) => walks(work));
  const over = ({ name, digest }: StepDefinition): boolean =>
    known.some((one) => one.name === name && one.digest === digest && isOver(one));
  const sizes = isSized ? await sizesOf(steps, url, over) : new Map<string, Estimated | null>();
  return planAhead({ steps, known, sizes, expansion: actionsOf(database) });
}

async function sizesOf(
  steps: readonly StepDefinition[],
  url: string,
  over: (step: StepDefinition) => boolean,
): Promise<ReadonlyMap<string, Estimated | null>> {
  const [catalog, measured] = await Promise.all([postgresDatabase.catalog(url), postgresDatabase.backfills(url)]);
  refuseMissing(askedOf(steps, over), catalog);
  return new Map(steps.map(({ name, work }) => [name, sizeOf(work, catalog, measured)]));
}

/** Null where the table is not there: a step before, or the expansion, makes it. */
function sizeOf(work: StepWork, catalog: Catalog, measured: readonly MeasuredBackfill[]): Estimated | null {
  const table = walks(work) ? tableOf(catalog, writtenName(work.table, catalog.schema)) : null;
  if (table === null || !walks(work)) return null;
  const run = { kind: "backfill", backfill: backfillOf(work, table) } as const;
  return estimate({ table: `${table.schema}.${table.name}`, work: "batches", run }, catalog, measured);
}

function actionsOf(report: PlanReport | null): readonly ExpandAction[] {
  const steps = (report?.steps ?? []).filter(({ phase }) => phase === "expand");
  return steps.map(({ id, title, seconds, secondsFrom }) => ({
    id,
    title,
    expected: seconds === null || secondsFrom === null ? null : { seconds, basis: secondsFrom },
  }));
}
