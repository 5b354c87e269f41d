import type { AppStatus, DeploymentStatus } from "../../api/daemon.ts";
import { age, clock } from "./units.ts";

/** What a person wants to know of a rollout: what it waits for, how to look at the new release, and how to go back. */
export function rolloutText({ deployment, preview, standby, queued, returned, url }: AppStatus, now: number): readonly string[] {
  return [
    ...(deployment === null ? [] : awaitsText(deployment, now)),
    ...(preview === null ? [] : previewText(preview, url)),
    ...(standby === null ? [] : [standbyText(standby, now)]),
    ...(queued === null ? [] : [queuedText(queued, now)]),
    ...(returned === null ? [] : [`${returned} went back; \`hitless rollout retry\` deploys it again as it is`]),
  ];
}

export function previewText(
  { release, header, hosts }: NonNullable<AppStatus["preview"]>,
  url: string | null,
): readonly string[] {
  const field = header === null ? "" : ` -H '${header.name}: ${header.value}'`;
  const ways = header === null ? [] : [`preview ${release}: curl${field} ${url ?? ""}`.trimEnd()];
  return hosts.length === 0 ? ways : [...ways, `preview ${release} at ${hosts.join(", ")}`];
}

function awaitsText({ name, awaits, share, to, phase }: DeploymentStatus, now: number): readonly string[] {
  if (awaits === null) return [];
  if (awaits.what === "resumption")
    return [`${name} is paused; \`hitless rollout resume\` lets it go on, \`hitless abort\` goes back`];
  const next = awaits.until === null ? "" : `, or until ${clock(awaits.until)} (${age(awaits.until - now)})`;
  const seen = share === null ? "" : `${to ?? ""} gets ${String(share)} % of the requests; `;
  if (phase === "baking" && awaits.until !== null)
    return [`${seen}${name} is watched for ${age(awaits.until - now)} more, then promoted; \`hitless abort\` goes back`];
  return [`${seen}${name} waits for \`hitless promote\`${next}; \`hitless abort\` goes back`];
}

function standbyText({ release, until, instances }: NonNullable<AppStatus["standby"]>, now: number): string {
  const size = instances === 1 ? "1 instance" : `${String(instances)} instances`;
  return `${release} is on standby (${size}) until ${clock(until)} (${age(until - now)}): \`hitless rollback\` goes back at once`;
}

/** What it waits for, and how to take it back. */
export function queuedText({ release, by, since, behind, frozen }: NonNullable<AppStatus["queued"]>, now: number): string {
  const place = `${release} of ${by} is queued since ${clock(since)}`;
  const back = "`hitless abort --queued` takes it back";
  if (behind !== null) return `${place} behind ${behind}; ${back}`;
  if (frozen === null) return `${place} and begins now`;
  const end = frozen.until === null ? "" : `, until ${clock(frozen.until)} (${age(frozen.until - now)})`;
  return `${place}: deployments are frozen by "${frozen.window}"${end}; ${back}`;
}
