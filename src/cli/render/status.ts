import type { Failure } from "../../base/error.ts";
import type { AppStatus, DeploymentStatus, InstanceStatusLine } from "../../api/daemon.ts";
import type { Output } from "../output.ts";
import { maintenanceText, pauseText } from "./gate.ts";
import { rolloutText } from "./rollout.ts";
import { boundTexts } from "./statelessness.ts";
import { moveText } from "./sessions.ts";
import { table } from "./table.ts";
import { tlsLines } from "./tls.ts";
import { age, count } from "./units.ts";
import { openVerdicts } from "./verdicts.ts";

/** One app in a block: where it listens, what serves, what it counts. */
export function renderStatus(status: AppStatus, output: Output, now: number): readonly string[] {
  const { app, active, suspended, url, tls, traffic, deployment, crashLoops } = status;
  const state = suspended
    ? output.style("yellow", "stopped")
    : active === null
      ? output.style("dim", "nothing active")
      : output.style("bold", active);
  const lines = [`${output.style("bold", app)}  ${state}${url === null ? "" : `  ${url}`}`];
  if (tls !== null) lines.push(...tlsLines(tls, output, now).map((line) => `  ${line}`));
  lines.push(...[...pauseText(status, now), ...maintenanceText(status, now)].map((text) => `  ${output.style("yellow", text)}`));
  if (deployment !== null) lines.push(`  ${deploymentLine(deployment, output, now)}`);
  if (deployment !== null) lines.push(...openVerdicts(deployment, output, now).map((text) => `  ${text}`));
  lines.push(...rolloutText(status, now).map((text) => `  ${output.style("cyan", text)}`));
  lines.push(...sessionMoveLines(status, output));
  if (status.fault !== null) lines.push(`  ${output.style("red", "fault")}  ${sentences(status.fault)}`);
  for (const loop of crashLoops) {
    lines.push(
      `  ${output.style("red", "crash loop")}  ${loop.type} has ended ${String(loop.count)} times in a row, each soon after its start (${loop.how})`,
    );
  }
  for (const warning of status.warnings) lines.push(`  ${output.style("yellow", "warning")}  ${warning}`);
  lines.push(...boundTexts(status.nodeBound).map((text) => `  ${output.style("yellow", "not stateless")}  ${text}`));
  if (traffic === null) lines.push(`  ${output.style("dim", suspended ? "no traffic" : "no counts from the proxy yet")}`);
  else {
    const lost = traffic.lost === 0 ? output.style("green", "0 lost") : output.style("red", `${count(traffic.lost)} lost`);
    const held = traffic.held === 0 ? "" : `, ${count(traffic.held)} waiting`;
    lines.push(`  ${count(traffic.total)} requests, ${lost}, ${count(traffic.inFlight)} in flight${held}`);
  }
  if (status.instances.length > 0) lines.push("", ...instanceTable(status.instances, output, now).map((line) => `  ${line}`));
  return lines;
}

function sessionMoveLines({ sessionMove }: AppStatus, output: Output): readonly string[] {
  return sessionMove === undefined ? [] : [`  ${output.style("cyan", "sessions move")}  ${moveText(sessionMove)}`];
}

function sentences({ what, why, next }: Failure): string {
  return [what, why, next].filter((part) => part !== undefined).join(" ");
}

export function deploymentLine(deployment: DeploymentStatus, output: Output, now: number): string {
  const { name, kind, phase, from, to, by, startedAt, endedAt, batch, batches, failure } = deployment;
  const way = from === to || from === null ? (to ?? from ?? "") : `${from} → ${to ?? "nothing"}`;
  const batchText = endedAt === null && batches > 0 ? `, batch ${String(batch)} of ${String(batches)}` : "";
  const when = endedAt === null ? `for ${age(now - startedAt)}` : `${age(now - endedAt)} ago`;
  const why = failure === null ? "" : `: ${failure.what}`;
  return `${name} ${kind} ${way}  ${phaseText(phase, output)}${batchText}, ${when}, by ${by}${why}`;
}

export function phaseText(phase: DeploymentStatus["phase"], output: Output): string {
  if (phase === "done") return output.style("green", phase);
  if (phase === "failed") return output.style("red", phase);
  return phase === "rolled-back" || phase === "aborting" ? output.style("yellow", phase) : output.style("cyan", phase);
}

function instanceTable(instances: readonly InstanceStatusLine[], output: Output, now: number): readonly string[] {
  const rows = instances.map((instance) => [
    instance.name,
    instance.release,
    healthText(instance, output),
    instance.pid === null ? "–" : String(instance.pid),
    instance.port === null ? "–" : String(instance.port),
    instance.requests === null ? "–" : count(instance.requests),
    instance.inFlight === null ? "–" : count(instance.inFlight),
    age(now - instance.since),
  ]);
  const [head = "", ...body] = table(
    [
      { title: "INSTANCE" },
      { title: "RELEASE" },
      { title: "STATE" },
      { title: "PID", right: true },
      { title: "PORT", right: true },
      { title: "REQUESTS", right: true },
      { title: "IN FLIGHT", right: true },
      { title: "AGE", right: true },
    ],
    rows,
  );
  return [output.style("dim", head), ...body];
}

function healthText({ status, health, lastFailure }: InstanceStatusLine, output: Output): string {
  if (status === "serving" && health === "down") return output.style("red", `down: ${lastFailure ?? "fails its check"}`);
  if (status === "serving") return output.style("green", "serving");
  return output.style("yellow", status);
}
