import { postgresDatabase } from "../adapters/postgres/database.ts";
import { fileSources } from "../adapters/postgres/sources.ts";
import { systemClock } from "../adapters/clock/system.ts";
import { postgresShadows } from "../adapters/postgres/shadow/shadows.ts";
import type { DatabaseStatus, PlanReport } from "../api/database.ts";
import { HitlessError } from "../base/error.ts";
import { releaseName } from "../base/names.ts";
import { createRng } from "../base/rng.ts";
import type { DatabaseTools, DatabaseTarget, PlanTarget } from "../cli/host.ts";
import { isPending } from "../database/change-set.ts";
import { guidelinesDocument } from "../database/rules/rules.ts";
import { planSources } from "../engine/database/prepare.ts";
import { contract, revert } from "../engine/database/runner.ts";
import { untried } from "../engine/database/trial.ts";
import { tryRelease } from "../engine/database/release-trial.ts";
import type { StepRunner } from "../engine/database/steps.ts";
import { planReport } from "./plan-report.ts";

/** `hitless db …`: the planner and the runner without a daemon. */
export const databaseTools: DatabaseTools = {
  plan,
  status,
  contract: contractNow,
  undo,
  guidelines: async () => guidelinesDocument(),
};

async function plan({ app, url, directory, spec, env, running, tried }: PlanTarget): Promise<PlanReport> {
  const sets = await postgresDatabase.changeSets(url, app);
  const catalog = await postgresDatabase.catalog(url);
  const applied = await postgresDatabase.applied(url, app);
  const release = Math.max(0, ...sets.map((set) => set.release)) + 1;
  const made = await planSources(fileSources, { app, release, directory, spec, catalog, applied, kept: [] });
  if (!tried) return planReport(untried(made, ["not asked for"]), catalog);
  const parts = { database: postgresDatabase, sources: fileSources, shadows: postgresShadows };
  const old = running === null ? [] : [{ directory, spec: { ...spec, queries: running } }];
  const trial = await tryRelease(parts, { plan: made, catalog, release: { directory, spec }, running: old, url, env });
  return planReport(trial, catalog);
}

async function status({ app, url }: DatabaseTarget): Promise<DatabaseStatus> {
  const sets = await postgresDatabase.changeSets(url, app);
  const connections = await postgresDatabase.connections(url, app);
  return {
    app,
    releases: sets.map(({ release, state, plan: { overlay, migrations, actions } }) => ({
      release: releaseName(release),
      state,
      overlay,
      migrations: migrations.map(({ version }) => version),
      contract:
        state === "expanded" || state === "contracting"
          ? actions.filter(({ phase }) => phase === "contract").map(({ title }) => title)
          : [],
    })),
    connections: connections.map((one) => ({ release: releaseName(one.release), connections: one.connections })),
  };
}

/** Sessions of older releases are the gate here: this program does not know the instances of every host. */
async function contractNow(target: DatabaseTarget, note: (text: string) => void): Promise<string> {
  return leased(target, note, async (runner) => {
    const open = (await runner.lease.changeSets()).find((set) => set.state === "expanded" || set.state === "contracting");
    if (open === undefined) return "Nothing waits for a contract.";
    await refuseIfUsed(target, (release) => release < open.release, `The contract of ${releaseName(open.release)} waits.`);
    await contract(runner, open.release);
    return `The database is what ${releaseName(open.release)} sees.`;
  });
}

async function undo(target: DatabaseTarget, note: (text: string) => void): Promise<string> {
  return leased(target, note, async (runner) => {
    const last = (await runner.lease.changeSets()).filter(isPending).at(-1);
    if (last === undefined) return "Nothing can be taken back: no release has changes that are not contracted.";
    await refuseIfUsed(target, (release) => release >= last.release, `The changes of ${releaseName(last.release)} are in use.`);
    const { kept } = await revert(runner, last.release);
    const stays = kept.length === 0 ? "" : ` Kept, because it holds data: ${kept.join("; ")}.`;
    return `The changes of ${releaseName(last.release)} are taken back.${stays}`;
  });
}

async function refuseIfUsed({ app, url }: DatabaseTarget, counts: (release: number) => boolean, what: string): Promise<void> {
  const used = (await postgresDatabase.connections(url, app)).filter(({ release }) => counts(release));
  if (used.length === 0) return;
  throw new HitlessError({
    code: "ERR_CONTRACT_WAITS",
    what,
    why: `Connected are ${used.map(({ release, connections }) => `${releaseName(release)} (${String(connections)})`).join(", ")}.`,
    next: "Wait until they are gone. Nothing was changed.",
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
