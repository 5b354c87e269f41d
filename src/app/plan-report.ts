import type { PlanNotice, PlanReport, PlanStep, PlanTrial } from "../api/database.ts";
import { releaseName } from "../base/names.ts";
import type { DatabaseSpec } from "../core/database-spec.ts";
import { tablesNamed } from "../database/ast.ts";
import type { MeasuredBackfill } from "../database/backfill/measured-rate.ts";
import type { ChangeSet } from "../database/change-set.ts";
import type { Catalog } from "../database/catalog.ts";
import { inTheWay } from "../database/overlap.ts";
import type { SqlLanguage } from "../database/language.ts";
import { LOCK_MODES, type Action, type Plan } from "../database/plan/action.ts";
import { placeOf, type Proof } from "../database/proof/proof.ts";
import { estimate, type Estimate } from "../database/shadow/estimate.ts";
import type { Position } from "../database/source/position.ts";
import type { Trial } from "../engine/database/trial.ts";

interface ReportParts {
  readonly catalog: Catalog;
  readonly measured: readonly MeasuredBackfill[];
  readonly spec: Pick<DatabaseSpec, "migrations" | "procedures">;
  readonly language: SqlLanguage;
  readonly missing: PlanReport["missing"];
  /** What earlier releases have kept for going back. */
  readonly open: readonly ChangeSet[];
}

/** A plan with what a copy of the database showed, for `hitless db plan` and `lint`. */
export function planReport(trial: Trial, { catalog, measured, spec, language, missing, open }: ReportParts): PlanReport {
  const { plan } = trial;
  const found = (position: Position | null): Omit<PlanNotice, "rule" | "text"> => ({
    ...placed(position),
    path: position === null ? "" : fileOf(position, plan, spec),
    tables: position === null ? [] : tablesNamed(language, textAt(plan, position), plan.baseSchema),
  });
  return {
    app: plan.app,
    release: releaseName(plan.release),
    overlay: plan.overlay,
    migrations: plan.migrations.map(({ version }) => version),
    steps: plan.actions.map((action) => stepOf(action, estimate(action, catalog, measured))),
    refusals: plan.refusals.map(({ rule, position, why, write }) => ({ rule, ...found(position), why, write })),
    notices: plan.notices.map(({ rule, position, text }) => ({ rule, ...found(position), text })),
    missing,
    ends: inTheWay(plan, open).map(({ set, names }) => ({
      release: releaseName(set.release),
      keptUntil: new Date(set.keptUntilMs ?? 0).toISOString(),
      changes: names,
    })),
    trial: { on: trial.about, gaps: trial.gaps, ...proofOf(trial.proof) },
  };
}

function placed(position: Position | null): { place: string; line: number } {
  if (position === null) return { place: "", line: 1 };
  return { place: `${position.path}:${String(position.line)}`, line: position.line };
}

/** From the release's own directory. */
function fileOf({ path }: Position, { procedures = [] }: Plan, spec: ReportParts["spec"]): string {
  const isProcedure = procedures.some((sum) => sum.startsWith(`${path} `));
  return [(isProcedure ? spec.procedures : spec.migrations) ?? ".", path].join("/");
}

function textAt({ statements }: Plan, { path, line, column }: Position): string {
  const is = (at: Position): boolean => at.path === path && at.line === line && at.column === column;
  return statements.find(({ position }) => is(position))?.text ?? "";
}

function stepOf(action: Action, expected: Estimate | null): PlanStep {
  return {
    id: action.id,
    phase: action.phase,
    title: action.title,
    place: placed(action.cause).place,
    lock: action.lock ?? "",
    blocks: blockedBy(action),
    work: action.work,
    basis: action.measured === undefined ? "rule" : "measured",
    locks: action.measured ?? [],
    seconds: expected?.seconds ?? null,
    secondsFrom: expected?.basis ?? null,
    sql: sqlOf(action),
  };
}

function blockedBy({ lock }: Action): PlanStep["blocks"] {
  if (lock === null || LOCK_MODES.indexOf(lock) < LOCK_MODES.indexOf("SHARE")) return "nobody";
  return lock === "ACCESS EXCLUSIVE" ? "reads and writes" : "writes";
}

function sqlOf({ run }: Action): readonly string[] {
  if (run.kind === "transaction") return run.sql;
  if (run.kind === "alone") return [run.sql];
  const { table, set, where } = run.backfill;
  return [run.backfill.delete === true ? `DELETE FROM ${table} WHERE ${where}` : `UPDATE ${table} SET ${set} WHERE ${where}`];
}

function proofOf({ sides, routines }: Proof): Pick<PlanTrial, "proof" | "routines"> {
  return {
    routines,
    proof: sides.map(({ side, fit, of, failures, unjudged, changed }) => ({
      side,
      fit,
      of,
      failures: failures.map((one) => ({ place: placeOf(one), message: one.message })),
      unjudged: unjudged.map((one) => ({ place: placeOf(one), message: one.message })),
      changed: changed.map(placeOf),
    })),
  };
}
