import type { Failure } from "../base/error.ts";
import { deploymentName, releaseName, type ReleaseName } from "../base/names.ts";
import { note, order, patch, patchDeployment, refuse, running, type Draft } from "./draft.ts";
import type { Event, EventBody } from "./event.ts";
import { processTypes } from "./instances.ts";
import { hasLeftovers, planScale, retireAll, wantedCounts } from "./plan.ts";
import { planReplacement, planReturnToStandby } from "./planning.ts";
import { poolsOf, servingTargets } from "./pools.ts";
import { coming } from "./route-tables.ts";
import type { AppState, Deployment, DeploymentKind, Stage } from "./state.ts";

type Request<K extends EventBody["kind"]> = Extract<Event, { kind: K }>;

export function whenDeployRequested(draft: Draft, request: Request<"deploy.requested">): void {
  if (refuseWhileRunning(draft)) return;
  const number = draft.state.next.release;
  const to = releaseName(number);
  patch(draft, { next: { ...draft.state.next, release: number + 1 } });
  begin(draft, { kind: "deploy", by: request.by, to, stages: [], force: request.force, newGeneration: true });
  patchDeployment(draft, { batch: request.batch, strategy: request.strategy });
  const active = draft.state.active === null ? undefined : draft.state.releases[draft.state.active];
  const unlessIdentity = request.force || draft.state.suspended ? null : (active?.identity ?? null);
  order(draft, { kind: "release.create", release: to, unlessIdentity });
  note(draft, `${request.by} deploys ${to}`);
}

/** The snapshot is there: now the batches can be planned. */
export function whenReleaseCreated(draft: Draft, created: Request<"release.created">): void {
  const deployment = running(draft.state);
  if (deployment?.kind !== "deploy" || deployment.step !== "preparing" || deployment.to !== created.record.release) return;
  patch(draft, { releases: { ...draft.state.releases, [created.record.release]: created.record } });
  planReplacement(draft, created.record.release);
  note(draft, `${created.record.release} is a snapshot of ${created.record.files} files`);
}

export function whenRollbackRequested(draft: Draft, request: Request<"rollback.requested">): void {
  if (refuseWhileRunning(draft)) return;
  const to = request.release ?? draft.state.promoted.filter((release) => release !== draft.state.active).at(-1) ?? null;
  const failure = rollbackProblem(draft.state, to, request.release);
  if (failure !== null || to === null) {
    refuse(draft, failure ?? noEarlierRelease(draft.state));
    return;
  }
  const isReady = draft.state.standby?.release === to;
  begin(draft, { kind: "rollback", by: request.by, to, stages: [], newGeneration: !isReady });
  if (isReady) planReturnToStandby(draft);
  else planReplacement(draft, to);
  note(draft, `${request.by} goes from ${draft.state.active ?? "nothing"} to ${to}${isReady ? ", which is on standby" : ""}`);
}

export function whenRestartRequested(draft: Draft, request: Request<"restart.requested">): void {
  if (refuseWhileRunning(draft) || refuseWithoutActive(draft)) return;
  begin(draft, { kind: "restart", by: request.by, to: draft.state.active, stages: [], newGeneration: true });
  planReplacement(draft, draft.state.active ?? "");
  note(draft, `${request.by} restarts ${draft.state.active ?? ""}`);
}

export function whenScaleRequested(draft: Draft, request: Request<"scale.requested">): void {
  if (refuseWhileRunning(draft) || refuseWithoutActive(draft) || refuseWhileSuspended(draft)) return;
  const release = draft.state.active ?? "";
  const types = processTypes(draft.state, release);
  const unknown = Object.keys(request.counts).filter((type) => !types.includes(type));
  if (unknown.length > 0) {
    refuse(draft, {
      code: "ERR_PROCESS_TYPE_UNKNOWN",
      what: `${release} has no process type ${unknown.join(", ")}.`,
      why: `It has ${types.join(", ")}.`,
    });
    return;
  }
  begin(draft, {
    kind: "scale",
    by: request.by,
    to: release,
    stages: planScale(draft.state, release, request.counts),
    newGeneration: false,
  });
  patchDeployment(draft, { counts: request.counts });
  note(
    draft,
    `${request.by} scales ${Object.entries(request.counts)
      .map(([type, count]) => `${type} to ${count}`)
      .join(", ")}`,
  );
}

export function whenSuspendRequested(draft: Draft, request: Request<"suspend.requested">): void {
  if (refuseWhileRunning(draft)) return;
  patch(draft, { suspended: true, standby: undefined });
  begin(draft, { kind: "suspend", by: request.by, to: null, stages: [retireAll(draft.state)], newGeneration: false });
  note(draft, `${request.by} stops ${draft.state.app}`);
}

export function whenResumeRequested(draft: Draft, request: Request<"resume.requested">): void {
  if (refuseWhileRunning(draft) || refuseWithoutActive(draft)) return;
  const release = draft.state.active ?? "";
  patch(draft, { suspended: false });
  const stages = planScale(draft.state, release, wantedCounts(draft.state, release));
  begin(draft, { kind: "resume", by: request.by, to: release, stages, newGeneration: false });
  note(draft, `${request.by} brings ${release} back`);
}

interface Beginning {
  readonly kind: DeploymentKind;
  readonly by: string;
  readonly to: ReleaseName | null;
  readonly stages: readonly Stage[];
  readonly force?: boolean;
  readonly newGeneration: boolean;
}

function begin(draft: Draft, beginning: Beginning): void {
  const { state, at } = draft;
  const number = state.next.deployment;
  const routed = servingTargets(poolsOf(state));
  const deployment: Deployment = {
    name: deploymentName(number),
    kind: beginning.kind,
    by: beginning.by,
    startedAt: at,
    from: state.active,
    to: beginning.to,
    generation: beginning.newGeneration ? number : state.generation,
    fromGeneration: state.generation,
    counts: null,
    batch: null,
    direction: "forward",
    stages: beginning.stages,
    stage: 0,
    step: "preparing",
    stepSince: at,
    // With what a failed way back has left still serving, those that come for the stable side are waited for before it goes.
    starting: !beginning.newGeneration && hasLeftovers(state) ? coming(state) : [],
    retiring: [],
    awaitedRevision: 0,
    force: beginning.force ?? false,
    failure: null,
    backAttempts: 0,
    ledger: { opened: null, openedSettled: false, before: [], beforeMs: 0, closed: null },
    capacity: { atStart: routed, lowest: routed },
    cut: 0,
    outcome: null,
    endedAt: null,
  };
  patch(draft, { next: { ...state.next, deployment: number + 1 }, deployment, crashes: {} });
  order(draft, { kind: "ledger.open" });
}

function refuseWhileRunning(draft: Draft): boolean {
  const deployment = running(draft.state);
  if (deployment === null) return false;
  const since = Math.round((draft.at - deployment.stepSince) / 1000);
  const age = Math.round((draft.at - deployment.startedAt) / 1000);
  refuse(draft, {
    code: "ERR_DEPLOYMENT_RUNNING",
    what: `${deployment.name} of ${draft.state.app} is running.`,
    why: `${deployment.by} began it ${age} s ago; it has been ${deployment.step} batch ${deployment.stage + 1} of ${Math.max(1, deployment.stages.length)} for ${since} s.`,
    next: "Wait for it (`hitless status --watch`) or ask it to go back (`hitless abort`).",
  });
  return true;
}

export function refuseWithoutActive(draft: Draft): boolean {
  if (draft.state.active !== null) return false;
  refuse(draft, {
    code: "ERR_NOTHING_RUNNING",
    what: `${draft.state.app} has no active release.`,
    next: "Deploy one with `hitless deploy`.",
  });
  return true;
}

/** Its instances would be the only ones of an app that is to have none. */
export function refuseWhileSuspended(draft: Draft): boolean {
  if (!draft.state.suspended) return false;
  refuse(draft, {
    code: "ERR_NOTHING_RUNNING",
    what: `${draft.state.app} is stopped.`,
    next: "Bring it back with `hitless up`, then scale it.",
  });
  return true;
}

function rollbackProblem(state: AppState, to: ReleaseName | null, asked: ReleaseName | null): Failure | null {
  if (to === null) return noEarlierRelease(state);
  if (to === state.active && !state.suspended) {
    return {
      code: "ERR_NO_ROLLBACK_TARGET",
      what: `${to} is the active release already.`,
      next: "`hitless restart` replaces its instances.",
    };
  }
  if (state.releases[to] !== undefined) return null;
  const kept = Object.keys(state.releases);
  return {
    code: "ERR_RELEASE_UNKNOWN",
    what: `There is no release ${asked ?? to} to go back to.`,
    why: kept.length === 0 ? "None is kept." : `Kept are ${kept.join(", ")}.`,
  };
}

function noEarlierRelease(state: AppState): Failure {
  return {
    code: "ERR_NO_ROLLBACK_TARGET",
    what: `${state.app} has no earlier release to go back to.`,
    next: "See which are kept with `hitless releases`.",
  };
}
