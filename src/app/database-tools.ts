import { postgresDatabase } from "../adapters/postgres/database.ts";
import { fileSources } from "../adapters/postgres/sources.ts";
import { systemClock } from "../adapters/clock/system.ts";
import { postgresShadows } from "../adapters/postgres/shadow/shadows.ts";
import type { DatabaseStatus, PlanReport } from "../api/database.ts";
import { HitlessError } from "../base/error.ts";
import { releaseName } from "../base/names.ts";
import { createRng } from "../base/rng.ts";
import type { DatabaseTools, DatabaseTarget, PlanTarget } from "../cli/host.ts";
import { awaitsContract, isPending, takesAway } from "../database/change-set.ts";
import { guidelinesDocument } from "../database/rules/rules.ts";
import { standing } from "../engine/database/earlier.ts";
import { lookTwice, stillUsed, usageOf } from "../engine/database/gate.ts";
import { planSources, type PlanInput } from "../engine/database/prepare.ts";
import { missingPrivileges } from "../engine/database/privileges.ts";
import { diffReleases } from "../engine/database/release-diff.ts";
import { tryRelease } from "../engine/database/release-trial.ts";
import { leftovers } from "../engine/database/leftovers.ts";
import { contract, revert } from "../engine/database/runner.ts";
import { untried } from "../engine/database/trial.ts";
import type { StepRunner } from "../engine/database/steps.ts";
import { planReport } from "./plan-report.ts";

/** `hitless db …`: the planner and the runner without a daemon. */
export const databaseTools: DatabaseTools = {
  plan,
  status,
  diff: (target, releases) => diffReleases(postgresDatabase, target, releases),
  contract: contractNow,
  undo,
  guidelines: async () => guidelinesDocument(),
};

async function plan({ app, url, directory, spec, env, running, tried }: PlanTarget): Promise<PlanReport> {
  const sets = await postgresDatabase.changeSets(url, app);
  const catalog = await postgresDatabase.catalog(url);
  const applied = await postgresDatabase.applied(url, app);
  const release = Math.max(0, ...sets.map((set) => set.release)) + 1;
  const kept = await leftovers(sets, {
    journal: (of) => postgresDatabase.journal(url, app, of),
    ask: (sql) => postgresDatabase.ask(url, sql),
  });
  const toolRows: PlanInput["toolRows"] = (table) => postgresDatabase.toolRows(url, table);
  const open = sets.filter((set) => awaitsContract(set) && typeof set.keptUntilMs === "number");
  const sources = { app, release, directory, spec, catalog, applied, kept, toolRows, standing: standing(open) };
  const made = await planSources(fileSources, sources);
  const parts = { database: postgresDatabase, sources: fileSources, shadows: postgresShadows };
  const report = {
    catalog,
    spec,
    measured: await postgresDatabase.backfills(url),
    language: await fileSources.language(),
    missing: await missingPrivileges(parts, url, made),
    open,
  };
  if (!tried) return planReport(untried(made, ["not asked for"]), report);
  const old = running === null ? [] : [{ directory, spec: { ...spec, queries: running } }];
  const trial = await tryRelease(parts, { plan: made, catalog, release: { directory, spec }, running: old, url, env });
  return planReport(trial, report);
}

async function status(target: DatabaseTarget): Promise<DatabaseStatus> {
  const { app, url } = target;
  const sets = await postgresDatabase.changeSets(url, app);
  const connections = await postgresDatabase.connections(url, app);
  const open = sets.find(awaitsContract);
  return {
    app,
    releases: sets.map((set) => ({
      release: releaseName(set.release),
      state: set.state,
      overlay: set.plan.overlay,
      migrations: set.plan.migrations.map(({ version }) => version),
      ...(typeof set.keptUntilMs === "number" && awaitsContract(set)
        ? { keptUntil: new Date(set.keptUntilMs).toISOString() }
        : {}),
      contract: awaitsContract(set) ? set.plan.actions.filter(({ phase }) => phase === "contract").map(({ title }) => title) : [],
      endsWayBack: awaitsContract(set) && takesAway(set),
    })),
    connections: connections.map((one) => ({ release: releaseName(one.release), connections: one.connections })),
    waitsFor: open === undefined ? [] : stillUsed(await usageOf(postgresDatabase, target, open), null, true),
  };
}

/** Sessions and calls are the gate here: this program does not know the instances of every host. */
async function contractNow(target: DatabaseTarget & { force: boolean }, note: (text: string) => void): Promise<string> {
  return leased(target, note, async (runner) => {
    const open = (await runner.lease.changeSets()).find(awaitsContract);
    if (open === undefined) return "Nothing waits for a contract.";
    const reasons = await lookTwice(postgresDatabase, target, { set: open, clock: systemClock, force: target.force });
    if (reasons.length > 0) throw waits(`The contract of ${releaseName(open.release)} waits.`, reasons);
    await contract(runner, open.release);
    return `The database is what ${releaseName(open.release)} sees.`;
  });
}

async function undo(target: DatabaseTarget, note: (text: string) => void): Promise<string> {
  return leased(target, note, async (runner) => {
    const last = (await runner.lease.changeSets()).filter(isPending).at(-1);
    if (last === undefined) return "Nothing can be taken back: no release has changes that are not contracted.";
    const users = (await postgresDatabase.connections(target.url, target.app)).filter(({ release }) => release >= last.release);
    const reasons = users.map((one) => `${releaseName(one.release)} is connected (${String(one.connections)})`);
    if (reasons.length > 0) throw waits(`The changes of ${releaseName(last.release)} are in use.`, reasons);
    const { kept } = await revert(runner, last.release);
    const stays = kept.length === 0 ? "" : ` Kept, because it holds data: ${kept.join("; ")}.`;
    return `The changes of ${releaseName(last.release)} are taken back.${stays}`;
  });
}

function waits(what: string, details: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_CONTRACT_WAITS",
    what,
    why: `${details.join("; ")}.`,
    next: "Wait until they are gone, or end them. Nothing was changed.",
  });
}

async function leased<T>(
  { app, url, spec }: DatabaseTarget,
  note: (text: string) => void,
  work: (runner: StepRunner) => Promise<T>,
): Promise<T> {
  const lease = await postgresDatabase.lease(url, app);
  try {
    const patience = {
      clock: systemClock,
      rng: createRng(Date.now()),
      signal: new AbortController().signal,
      lockTimeoutMs: spec.lockTimeoutMs,
      limitMs: spec.lockPatienceMs,
    };
    return await work({ lease, patience, note });
  } finally {
    await lease.close();
  }
}
