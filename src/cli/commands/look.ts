import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import type { Register } from "../register.ts";
import { renderReport } from "../render/report.ts";
import { phaseText } from "../render/status.ts";
import { table } from "../render/table.ts";
import { verdictCounts } from "../render/verdicts.ts";
import { bytes, time, took } from "../render/units.ts";
import type { CommonOptions, Session } from "../session.ts";

interface HistoryOptions extends CommonOptions {
  readonly limit: string;
}

/** Looking back: releases, deployments, and the proof. */
export function registerLooking(program: Command, run: Register): void {
  run(program.command("releases").description("the releases that are kept"), ["hitless releases"], releases);
  run(
    program.command("history").description("the deployments, newest first").option("-n, --limit <n>", "how many", "20"),
    ["hitless history", "hitless history -n 100 --json"],
    (session, options: HistoryOptions) => history(session, options),
  );
  run(
    program
      .command("report")
      .argument("[deployment]", "default: the latest one")
      .description("what happened to every request during a deployment"),
    ["hitless report", "hitless report d7", "hitless report d7 --json"],
    (session, _options, deployment?: string) => report(session, deployment ?? "latest"),
  );
}

async function releases(session: Session): Promise<void> {
  const { client, output } = session;
  const found = await client.releases(await session.app());
  if (session.wantsJson) {
    output.json({ releases: found });
    return;
  }
  const rows = found.map((release) => [
    release.release,
    release.active ? output.style("green", "active") : "",
    time(release.createdAt),
    String(release.instances),
    `${String(release.files)} files`,
    bytes(release.bytes),
    release.gitCommit === null ? "" : `${release.gitCommit.slice(0, 10)}${release.gitDirty ? "+" : ""}`,
    release.contentHash.slice(0, 12),
  ]);
  const titles = ["RELEASE", "", "CREATED", "INSTANCES", "", "SIZE", "COMMIT", "CONTENT"].map((title) => ({ title }));
  for (const line of table(titles, rows)) output.line(line);
}

async function history(session: Session, { limit }: HistoryOptions): Promise<void> {
  const { client, output } = session;
  const max = Number(limit);
  if (!Number.isInteger(max) || max < 1)
    throw new HitlessError({ code: "ERR_USAGE", what: `--limit ${limit} is not a number above 0.` });
  const deployments = await client.deployments(await session.app(), max);
  if (session.wantsJson) {
    output.json({ deployments });
    return;
  }
  const rows = deployments.map((deployment) => {
    const { name, kind, from, to, phase, startedAt, endedAt, by, failure, override } = deployment;
    return [
      name,
      kind,
      from === to || from === null ? (to ?? from ?? "") : `${from} → ${to ?? "nothing"}`,
      phaseText(phase, output),
      time(startedAt),
      endedAt === null ? "running" : took(endedAt - startedAt),
      by,
      verdictCounts(deployment),
      [failure?.what, override === null ? undefined : `freeze overridden: ${override}`].filter(Boolean).join(" "),
    ];
  });
  const titles = ["", "KIND", "RELEASE", "OUTCOME", "BEGUN", "TOOK", "BY", "VERDICTS", ""].map((title) => ({ title }));
  for (const line of table(titles, rows)) output.line(line);
}

async function report(session: Session, deployment: string): Promise<void> {
  const found = await session.client.report(await session.app(), deployment);
  if (session.wantsJson) session.output.json(found);
  else for (const line of renderReport(found, session.output)) session.output.line(line);
  if (found.lost > 0) {
    throw new HitlessError({
      code: "ERR_LOST_REQUESTS",
      what: `${String(found.lost)} of ${String(found.total)} requests were lost in ${found.deployment.name}.`,
      next: "The columns say how; `hitless logs` and proxy/proxy.log in the state directory say more.",
    });
  }
}
