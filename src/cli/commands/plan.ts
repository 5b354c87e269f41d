import type { Command } from "commander";
import type { AheadReport } from "../../api/ahead.ts";
import type { StepStatus } from "../../api/steps.ts";
import { HitlessError } from "../../base/error.ts";
import type { DatabaseTarget } from "../host.ts";
import type { Register } from "../register.ts";
import { renderAhead } from "../render/ahead.ts";
import { findingsOf, renderFindings } from "../render/findings.ts";
import type { Session } from "../session.ts";
import { refused, reportOf, tried, type Planned, type TrialOptions } from "./database.ts";

/** The deployment that is to come. */
export function registerPlan(program: Command, run: Register): void {
  run(
    tried(program.command("plan")).description(
      "what of the deployment of this directory could be done ahead of it, and how much shorter it would get; changes nothing",
    ),
    ["hitless plan", "hitless plan --no-shadow --json"],
    showPlan,
  );
}

async function showPlan(session: Session, options: TrialOptions): Promise<void> {
  const { spec } = await session.config();
  const planned = spec.database === undefined ? null : await reportOf(session, options);
  const report = await aheadReport(session, planned);
  const { output, wantsJson } = session;
  if (wantsJson) output.json(report);
  else for (const line of renderAhead(report, output)) output.line(line);
  if (planned === null || planned.report.refusals.length === 0) return;
  if (!wantsJson) for (const line of renderFindings(findingsOf(planned.report), output)) output.line(line);
  throw refused(planned.report.refusals.length);
}

/** `planned`: what the database lacks; null: the app has none. */
async function aheadReport(session: Session, planned: Planned | null): Promise<AheadReport> {
  const { spec, source } = await session.config();
  const known = await knownSteps(session, spec.app);
  const { report = null, target = null } = planned ?? {};
  const plan = await session.host.planAhead({
    spec,
    directory: source,
    url: target?.url ?? null,
    database: report,
    known: known ?? [],
  });
  const later = (report?.steps ?? []).filter(({ phase }) => phase === "contract").map(({ title }) => title);
  const held = target === null ? null : await heldBack(session, target);
  return { app: spec.app, ...plan, asked: known !== null, later, held };
}

/** Null: no daemon runs, which this command does not change. */
async function knownSteps(session: Session, app: string): Promise<readonly StepStatus[] | null> {
  try {
    return await session.client.steps(app);
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_DAEMON_UNREACHABLE") return null;
    throw error;
  }
}

/** An expansion waits for the contract before it where that ends a way back, or has to wait itself. */
async function heldBack(session: Session, target: DatabaseTarget): Promise<string | null> {
  const { releases, waitsFor = [] } = await session.host.database.status(target);
  const open = releases.find(({ contract, endsWayBack }) => contract.length > 0 && (endsWayBack === true || waitsFor.length > 0));
  return open === undefined ? null : `the contract of ${open.release} comes first (\`hitless db contract\`, or its time)`;
}
