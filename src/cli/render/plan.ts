import type { DatabaseStatus, PlanReport } from "../../api/database.ts";
import type { Output } from "../output.ts";
import { findingsOf, renderFindings } from "./findings.ts";
import { table } from "./table.ts";

const COLUMNS = [
  { title: "STEP" },
  { title: "WHAT" },
  { title: "FOR" },
  { title: "LOCK" },
  { title: "STOPS" },
  { title: "WORK" },
  { title: "ABOUT", right: true },
];

export function renderPlan(report: PlanReport, output: Output, withSql: boolean): readonly string[] {
  const lines: string[] = [];
  for (const phase of ["expand", "contract"] as const) {
    const steps = report.steps.filter((step) => step.phase === phase);
    if (steps.length === 0) continue;
    const when = phase === "expand" ? "before the first new instance starts" : "when the last older one is gone";
    lines.push(output.style("bold", `${phase}: ${when}`));
    const rows = steps.map((step) => [
      step.id,
      step.title,
      step.place,
      step.lock.toLowerCase(),
      step.blocks === "nobody" ? "" : step.blocks,
      step.work === "instant" ? "O(1)" : `O(n) ${step.work}`,
      step.seconds === null ? "" : `${String(step.seconds)} s`,
    ]);
    const drawn = table(COLUMNS, rows);
    lines.push(...drawn.slice(0, 1).map((line) => output.style("dim", line)));
    for (const [index, step] of steps.entries()) {
      lines.push(drawn[index + 1] ?? "");
      if (withSql) lines.push(...step.sql.flatMap((sql) => sql.split("\n")).map((line) => output.style("dim", `      ${line}`)));
    }
    lines.push("");
  }
  if (report.steps.length === 0 && report.refusals.length + report.notices.length === 0)
    lines.push("The database has everything that this release needs.");
  return [
    ...lines,
    ...(report.ends ?? []).map(({ release, keptUntil, changes }) =>
      output.style(
        "yellow",
        `ends what ${release} keeps for going back until ${keptUntil}, as this release changes ${changes.join(", ")} again`,
      ),
    ),
    ...renderTrial(report, output),
    ...renderFindings(findingsOf(report), output),
    ...renderMissing(report.missing, output),
  ];
}

/** What the database's role may not do, and who could change that with what. */
function renderMissing(missing: PlanReport["missing"], output: Output): readonly string[] {
  if (missing.length === 0) return [];
  return [
    ...missing.map(({ place, what }) => output.style("red", `${place === "" ? "" : `${place}: `}${what}`)),
    ...new Set(missing.map(({ grant }) => `    ${grant};`)),
    "",
  ];
}

/** How the plan knows, and whether both releases can live with it. */
function renderTrial({ trial, steps }: PlanReport, output: Output): readonly string[] {
  if (steps.length === 0) return [];
  const ruled = steps.filter(({ basis }) => basis === "rule").map(({ id }) => id);
  const lines =
    trial.on === null
      ? ["Not measured: locks and work are those of the rules."]
      : [`Measured on ${trial.on}${ruled.length === 0 ? "" : `; by the rules: ${ruled.join(", ")}`}.`];
  const sized = steps.flatMap(({ id, secondsFrom }) => (secondsFrom === null ? [] : [`  ${id}: ${secondsFrom}`]));
  if (sized.length > 0) lines.push("Seconds are estimates:", ...sized);
  lines.push(...trial.gaps.map((gap) => `  ${gap}`));
  for (const { side, fit, of, unjudged, changed } of trial.proof) {
    lines.push(output.style(fit === of ? "green" : "red", `${side} release: ${String(fit)} of ${String(of)} statements fit`));
    lines.push(...unjudged.map(({ place, message }) => `  not judged, it failed before too: ${place}: ${message}`));
    lines.push(...changed.map((place) => `  another result: connections that have prepared it fail once (0A000): ${place}`));
  }
  if (trial.routines !== null) lines.push(`plpgsql_check: ${String(trial.routines.length)} new errors`);
  return [...lines, ""];
}

export function renderDatabaseStatus({ releases, connections, waitsFor = [] }: DatabaseStatus): readonly string[] {
  if (releases.length === 0) return ["No release has changed this database."];
  const rows = releases.map(({ release, state, overlay, migrations, contract }) => [
    release,
    state,
    overlay ?? "–",
    migrations.join(", ") || "–",
    contract.length === 0 ? "" : `${String(contract.length)} steps`,
  ]);
  const drawn = table(
    [{ title: "RELEASE" }, { title: "STATE" }, { title: "OVERLAY" }, { title: "MIGRATIONS" }, { title: "CONTRACT" }],
    rows,
  );
  const users = connections.map(({ release, connections: count }) => `${release}: ${String(count)}`).join(", ");
  const waits = releases.flatMap(({ release, contract }) => contract.map((title) => `  ${release}: ${title}`));
  const kept = releases.flatMap(({ release, keptUntil }) =>
    keptUntil === undefined
      ? []
      : [`what goes with the contract of ${release} is kept until ${keptUntil}, or until a release changes the same again`],
  );
  return [
    ...drawn,
    "",
    `connections: ${users === "" ? "none of any release" : users}`,
    ...(waits.length === 0 ? [] : ["waiting until no older release is connected or kept:", ...waits]),
    ...kept,
    ...waitsFor.map((reason) => `now: ${reason}`),
  ];
}
