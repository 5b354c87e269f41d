import { createHash } from "node:crypto";
import { loadSqlLanguage } from "../../../src/adapters/postgres/language.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { createRng } from "../../../src/base/rng.ts";
import { searchPath } from "../../../src/database/change-set.ts";
import type { Plan } from "../../../src/database/plan/action.ts";
import { planRelease, procedureSum, type PlanRequest } from "../../../src/database/plan/plan.ts";
import { releaseUrl } from "../../../src/database/release-url.ts";
import { leftovers } from "../../../src/engine/database/leftovers.ts";
import { contract, expand, revert } from "../../../src/engine/database/runner.ts";
import { giveNamesBack } from "../../../src/engine/database/names-back.ts";
import { swapNames } from "../../../src/engine/database/soft-swap.ts";
import type { StepRunner } from "../../../src/engine/database/steps.ts";
import { systemClock } from "../../../src/adapters/clock/system.ts";

const language = await loadSqlLanguage();
export const APP = "shop";

export interface ReleaseSources {
  readonly migration?: string;
  readonly procedures?: Readonly<Record<string, string>>;
}

/** Plans a release against the database as it is. Throws what cannot be read. `standing`: sums of procedures that earlier releases have brought. */
export async function planOf(url: string, release: number, sources: ReleaseSources, standing?: readonly string[]): Promise<Plan> {
  const catalog = await postgresDatabase.catalog(url);
  const kept = await withRunner(url, async ({ lease }) => leftovers(await lease.changeSets(), lease));
  return planFor({ catalog, kept, standing }, release, sources);
}

/** Plans a release against what has been read of a database. */
export function planFor(
  database: Pick<PlanRequest, "catalog" | "kept" | "standing">,
  release: number,
  { migration = "", procedures }: ReleaseSources,
): Plan {
  const files =
    procedures === undefined ? null : Object.entries(procedures).map(([path, text]) => ({ path, text, sha256: sum(text) }));
  const outcome = planRelease({
    app: APP,
    release,
    language,
    ...database,
    migrations: [
      { version: `000${String(release)}`, name: "m", path: "m.sql", checksum: sum(migration), sql: migration, repeatable: false },
    ],
    procedures: files,
  });
  if (outcome.kind === "problems") throw new Error(JSON.stringify(outcome.problems));
  return database.standing === undefined ? outcome.plan : { ...outcome.plan, procedures: (files ?? []).map(procedureSum) };
}

const sum = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Runs with a lease of its own, as the engine would. */
export async function withRunner<T>(url: string, work: (runner: StepRunner) => Promise<T>, notes: string[] = []): Promise<T> {
  const lease = await postgresDatabase.lease(url, APP);
  try {
    const patience = {
      clock: systemClock,
      rng: createRng(7),
      signal: AbortSignal.timeout(60_000),
      lockTimeoutMs: 100,
      limitMs: 30_000,
    };
    return await work({ lease, patience, note: (text) => notes.push(text) });
  } finally {
    await lease.close();
  }
}

export const expandIn = (url: string, plan: Plan): Promise<unknown> => withRunner(url, (runner) => expand(runner, plan));
export const contractIn = (url: string, release: number): Promise<unknown> =>
  withRunner(url, (runner) => contract(runner, release));
export const revertIn = (url: string, release: number): Promise<{ kept: readonly string[] }> =>
  withRunner(url, (runner) => revert(runner, release));

/** As a soft contract begins: for an hour, and with the release's names in the base. */
export const softenIn = (url: string, release: number): Promise<void> =>
  withRunner(url, async (runner) => {
    const set = (await runner.lease.changeSets()).find((one) => one.release === release)!;
    await runner.lease.save({ ...set, keptUntilMs: Date.now() + 3_600_000 });
    await swapNames(runner, set, () => true);
  });

/** As an older release is started meanwhile. */
export const giveNamesBackIn = (url: string, release: number): Promise<void> =>
  giveNamesBack(
    { clock: systemClock, database: postgresDatabase },
    { app: APP, url, release, spec: { lockTimeoutMs: 100, lockPatienceMs: 30_000 } },
  );

/** The URL that an instance of the release gets. */
export async function urlOf(url: string, release: number): Promise<string> {
  const sets = await postgresDatabase.changeSets(url, APP);
  return releaseUrl(url, { app: APP, release, searchPath: searchPath(sets, release, ["public"]) });
}
