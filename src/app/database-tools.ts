import { postgresDatabase } from "../adapters/postgres/database.ts";
import { fileSources } from "../adapters/postgres/sources.ts";
import { systemClock } from "../adapters/clock/system.ts";
import type { DatabaseStatus, PlanReport, PlanStep } from "../api/database.ts";
import { HitlessError } from "../base/error.ts";
import { releaseName } from "../base/names.ts";
import { createRng } from "../base/rng.ts";
import type { DatabaseTools, DatabaseTarget } from "../cli/host.ts";
import { isPending } from "../database/change-set.ts";
import type { Action, Plan } from "../database/plan/action.ts";
import { LOCK_MODES } from "../database/plan/action.ts";
import type { Catalog } from "../database/catalog.ts";
import { guidelinesDocument } from "../database/rules/rules.ts";
import { planSources } from "../engine/database/prepare.ts";
import { contract, revert } from "../engine/database/runner.ts";
import type { StepRunner } from "../engine/database/steps.ts";

/** `hitless db …`: the planner and the runner without a daemon. */
export const databaseTools: DatabaseTools = {
  plan,
  status,
  contract: contractNow,
  undo,
  guidelines: async () => guidelinesDocument(),
};

async function plan({ app, url, directory, spec }: DatabaseTarget & { directory: string }): Promise<PlanReport> {
  const sets = await postgresDatabase.changeSets(url, app);
  const catalog = await postgresDatabase.catalog(url);
  const applied = await postgresDatabase.applied(url, app);
  const release = Math.max(0, ...sets.map((set) => set.release)) + 1;
  const made = await planSources(fileSources, { app, release, directory, spec, catalog, applied, kept: [] });
  return reportOf(made, catalog);
}

function reportOf(made: Plan, catalog: Catalog): PlanReport {
  const place = (position: Action["cause"]): string => (position === null ? "" : `${position.path}:${String(position.line)}`);
  return {
    app: made.app,
    release: releaseName(made.release),
    overlay: made.overlay,
    migrations: made.migrations.map(({ version }) => version),
    steps: made.actions.map((action) => ({
      id: action.id,
      phase: action.phase,
      title: action.title,
      place: place(action.cause),
      lock: action.lock ?? "",
      blocks: blockedBy(action),
      work: action.work,
      seconds: secondsOf(action, catalog),
      sql: sqlOf(action),
    })),
    refusals: made.refusals.map(({ rule, position, why, write }) => ({
      rule,
      place: place(position),
      path: position.path,
      line: position.line,
      why,
      write,
    })),
    notices: made.notices.map(({ rule, position, text }) => ({ rule, place: place(position), text })),
  };
}

function blockedBy({ lock }: Action): PlanStep["blocks"] {
  if (lock === null || LOCK_MODES.indexOf(lock) < LOCK_MODES.indexOf("SHARE")) return "nobody";
  return lock === "ACCESS EXCLUSIVE" ? "reads and writes" : "writes";
}

/** Rows or pages in a second, on a small machine; a plan wants to tell seconds from hours. */
const RATES = { scan: 1_000_000, "index build": 400_000, batches: 50_000 } as const;

function secondsOf({ table, work }: Action, catalog: Catalog): number | null {
  if (work === "instant" || work === "rewrite" || table === null) return null;
  const rows = catalog.tables.find((one) => `${one.schema}.${one.name}` === table)?.rows ?? -1;
  return rows < 0 ? null : Math.ceil(rows / RATES[work]);
}

function sqlOf({ run }: Action): readonly string[] {
  if (run.kind === "transaction") return run.sql;
  if (run.kind === "alone") return [run.sql];
  const { table, set, where } = run.backfill;
  return [run.backfill.delete === true ? `DELETE FROM ${table} WHERE ${where}` : `UPDATE ${table} SET ${set} WHERE ${where}`];
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
