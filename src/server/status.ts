import type { AppStatus, DeploymentStatus, InstanceStatusLine, ReleaseStatus, TrafficStatus } from "../api/daemon.ts";
import { HitlessError, type Failure } from "../base/error.ts";
import { running } from "../core/draft.ts";
import { gateState } from "../core/gate-state.ts";
import { all } from "../core/instances.ts";
import type { MaintenanceState, PauseState } from "../core/gate.ts";
import { lostOf, sumRows, totalOf, type LedgerSnapshot } from "../core/ledger.ts";
import { phaseOf } from "../core/phase.ts";
import { previewWay } from "../core/previews.ts";
import type { AppTraffic } from "../core/routes.ts";
import type { AppState, Deployment, Instance } from "../core/state.ts";
import { waitOf } from "../core/waiting.ts";
import { verdictStatuses } from "./verdicts.ts";
import { nameNumber } from "../base/names.ts";
import { nodeBound } from "../core/statelessness/session-routes.ts";
import type { Traffic } from "../ports/traffic.ts";

/** What is wrong with how the daemon looks after an app. */
export interface Troubles {
  readonly fault: Failure | null;
  readonly warnings: readonly string[];
}

/** What a person wants to know of an app at a glance; the proxy's part is null while it does not answer. */
export async function appStatus(state: AppState, { fault, warnings }: Troubles, traffic: Traffic): Promise<AppStatus> {
  const [present, ledger] = await Promise.all([orNull(traffic.present(state.app)), orNull(traffic.ledger(state.app))]);
  const instances = all(state).toSorted(
    (a, b) => a.type.localeCompare(b.type) || a.since - b.since || (a.name < b.name ? -1 : 1),
  );
  return {
    app: state.app,
    active: state.active,
    suspended: state.suspended,
    fault,
    url: present === null ? null : `http://${urlHost(present.listen.host)}:${String(present.listen.port)}`,
    tls: present?.tls ?? null,
    ...gateStatus(state),
    standby: standbyStatus(state),
    preview: previewWay(state),
    instances: instances.map((instance) => instanceLine(instance, present)),
    deployment: state.deployment === null ? null : deploymentStatus(state.deployment),
    queued: queuedStatus(state),
    returned: running(state) === null ? (state.returned?.release ?? null) : null,
    crashLoops: Object.entries(state.crashes)
      .filter(([, crash]) => crash.count > 2)
      .map(([type, { count, how }]) => ({ type, count, how })),
    warnings: [...(present?.warnings ?? []), ...warnings],
    nodeBound: nodeBound((present?.sessions ?? []).filter(({ release }) => release === state.active)),
    traffic: trafficStatus(present, ledger),
  };
}

function queuedStatus(state: AppState): AppStatus["queued"] {
  if (state.queued === undefined) return null;
  const { release, by, since, frozen } = state.queued;
  const behind = running(state)?.name ?? null;
  return { release, by, since, behind, frozen: behind === null ? (frozen ?? null) : null };
}

function standbyStatus(state: AppState): AppStatus["standby"] {
  if (state.standby === undefined) return null;
  const { release, until, generation } = state.standby;
  const left = all(state).filter((instance) => instance.generation === generation);
  return { release, until, instances: left.length };
}

function gateStatus(state: AppState): Pick<AppStatus, "pause" | "maintenance"> {
  const { pause, maintenance } = gateState(state);
  return {
    pause: pause === null ? null : pauseStatus(pause),
    maintenance: maintenance === null ? null : maintenanceStatus(maintenance),
  };
}

function pauseStatus({ by, since, until, then, quietAt }: PauseState): AppStatus["pause"] {
  return { by, since, until, then, quietAt };
}

function maintenanceStatus({ by, since, status, retryAfterS, allow, allowCookies }: MaintenanceState): AppStatus["maintenance"] {
  return { by, since, status, retryAfterS, allow, allowCookies: allowCookies.map(({ name }) => name) };
}

export function deploymentStatus(deployment: Deployment): DeploymentStatus {
  const { name, kind, by, stages, stage, stepSince, startedAt, endedAt, from, to, outcome, failure, strategy, share, override } =
    deployment;
  return {
    name,
    kind,
    by,
    strategy: strategy ?? null,
    phase: phaseOf(deployment),
    awaits: awaitsStatus(deployment),
    share: outcome === null ? (share ?? null) : null,
    batch: stages.length === 0 ? 0 : Math.min(stage + 1, stages.length),
    batches: stages.length,
    phaseSince: stepSince,
    startedAt,
    endedAt,
    from,
    to,
    outcome,
    failure,
    verdicts: verdictStatuses(deployment),
    override: override ?? null,
  };
}

function awaitsStatus(deployment: Deployment): DeploymentStatus["awaits"] {
  const { halted } = deployment;
  if (halted !== undefined && deployment.outcome === null) return { what: "resumption", since: halted.since, until: null };
  const wait = deployment.step === "waiting" && deployment.outcome === null ? waitOf(deployment) : null;
  if (wait === null) return null;
  const { stepSince } = deployment;
  return { what: "promotion", since: stepSince, until: wait.ms === null ? null : stepSince + wait.ms };
}

/** Newest first. */
export function releaseStatuses(state: AppState): readonly ReleaseStatus[] {
  const instances = all(state);
  return Object.values(state.releases)
    .toSorted((a, b) => (nameNumber(b.release) ?? 0) - (nameNumber(a.release) ?? 0))
    .map(({ release, createdAt, contentHash, gitCommit, gitDirty, files, bytes }) => ({
      release,
      createdAt,
      active: release === state.active,
      contentHash,
      gitCommit,
      gitDirty,
      files,
      bytes,
      instances: instances.filter((instance) => instance.release === release).length,
    }));
}

function instanceLine(instance: Instance, present: AppTraffic | null): InstanceStatusLine {
  const { name, type, release, status, pid, port, since } = instance;
  const target = present?.targets.find((known) => known.instance === name) ?? null;
  const health = target?.state ?? (status === "draining" ? "draining" : null);
  return {
    name,
    type,
    release,
    status,
    pid,
    port,
    since,
    inFlight: target?.inFlight ?? null,
    requests: target?.requests ?? null,
    health,
    lastFailure: target?.lastFailure ?? null,
  };
}

function trafficStatus(present: AppTraffic | null, ledger: LedgerSnapshot | null): TrafficStatus | null {
  if (ledger === null) return null;
  const totals = sumRows(ledger.rows);
  return {
    inFlight: ledger.inFlight,
    held: present?.held ?? 0,
    total: totalOf(totals),
    lost: lostOf(totals),
    byRelease: ledger.rows.map(({ release, counts }) => ({ release, counts })),
  };
}

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

/** A proxy that is away makes the answer poorer, not impossible. */
export async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_PROXY_UNREACHABLE") return null;
    throw error;
  }
}
