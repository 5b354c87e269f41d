import type { Failure } from "../base/error.ts";
import type { ReleaseName } from "../base/names.ts";
import { begin } from "./beginning.ts";
import { note, patch, patchDeployment, refuse, running, type Draft } from "./draft.ts";
import type { Event, EventBody } from "./event.ts";
import { goBack } from "./going-back.ts";
import { processTypes } from "./instances.ts";
import { planScale, retireAll, wantedCounts } from "./plan.ts";
import { planReplacement, planReturnToStandby } from "./planning.ts";
import { dropQueued } from "./queue.ts";
import { refuseWhileRunning, refuseWhileSuspended, refuseWithoutActive } from "./refusals.ts";
import type { AppState } from "./state.ts";

type Request<K extends EventBody["kind"]> = Extract<Event, { kind: K }>;

/** The snapshot is there: now the batches can be planned. */
export function whenReleaseCreated(draft: Draft, created: Request<"release.created">): void {
  const deployment = running(draft.state);
  if (deployment?.kind !== "deploy" || deployment.step !== "preparing" || deployment.to !== created.record.release) return;
  patch(draft, { releases: { ...draft.state.releases, [created.record.release]: created.record } });
  planReplacement(draft, created.record.release);
  note(draft, `${created.record.release} is a snapshot of ${created.record.files} files`);
}

export function whenLedgerOpened(draft: Draft, { snapshot, before, beforeMs }: Request<"ledger.opened">): void {
  const deployment = running(draft.state);
  if (deployment === null || deployment.ledger.openedSettled) return;
  patchDeployment(draft, { ledger: { ...deployment.ledger, opened: snapshot, openedSettled: true, before, beforeMs } });
  // Instances of the stable side may have come since it was planned.
  if (deployment.kind === "deploy" && deployment.step === "preparing" && deployment.stages.length > 0)
    planReplacement(draft, deployment.to ?? "");
}

/** Nothing of it is left then, also of one that had been made before. */
export function whenReleaseFailed(draft: Draft, { release, failure }: Request<"release.failed">): void {
  const { [release]: _gone, ...releases } = draft.state.releases;
  patch(draft, { releases });
  if (draft.state.returned?.release === release) patch(draft, { returned: undefined });
  if (running(draft.state)?.to === release) goBack(draft, failure);
}

export function whenRollbackRequested(draft: Draft, request: Request<"rollback.requested">): void {
  if (refuseWhileRunning(draft)) return;
  const to = rollbackTarget(draft.state, request.release);
  const failure = rollbackProblem(draft.state, to, request.release);
  if (failure !== null || to === null) {
    refuse(draft, failure ?? noEarlierRelease(draft.state));
    return;
  }
  const isReady = draft.state.standby?.release === to;
  begin(draft, { kind: "rollback", by: request.by, to, stages: [], newGeneration: !isReady });
  patchDeployment(draft, { notifications: draft.state.releases[to]?.spec.notifications });
  if (isReady) planReturnToStandby(draft);
  else planReplacement(draft, to);
  note(draft, `${request.by} goes from ${draft.state.active ?? "nothing"} to ${to}${isReady ? ", which is on standby" : ""}`);
}

/** Where a rollback leads; null: nowhere. */
export function rollbackTarget({ promoted, active }: AppState, asked: ReleaseName | null): ReleaseName | null {
  return asked ?? promoted.filter((release) => release !== active).at(-1) ?? null;
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
  dropQueued(draft, `${request.by} stops the app`);
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

function rollbackProblem(state: AppState, to: ReleaseName | null, asked: ReleaseName | null): Failure | null {
  if (to === null) return noEarlierRelease(state);
  if (to === state.active && !state.suspended) {
    return {
      code: "ERR_NO_ROLLBACK_TARGET",
      what: `${to} is the active release already.`,
      next: "`hitless restart` replaces its instances.",
    };
  }
  if (state.returned?.release === to) {
    return {
      code: "ERR_NO_ROLLBACK_TARGET",
      what: `${to} was never the active release: its deployment went back.`,
      next: "`hitless rollout retry` deploys it again, with its checks and gates.",
    };
  }
  if (state.releases[to] !== undefined) return null;
  const kept = Object.keys(state.releases).filter((name) => name !== state.returned?.release);
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
