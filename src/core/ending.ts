import type { ReleaseName } from "../base/names.ts";
import { assetSources } from "./asset-sources.ts";
import { note, order, patch, patchDeployment, running, type Draft } from "./draft.ts";
import { all, countsAfter, seconds } from "./instances.ts";
import { notify } from "./notifying.ts";
import { keepReturned } from "./returned.ts";
import { changeStandby, endStandbyWhenOver, nextStandby } from "./standby.ts";
import { supervise } from "./supervision.ts";
import type { AppState, Deployment, Outcome } from "./state.ts";

/** How often going back is tried before what serves is left alone. */
export const BACK_ATTEMPTS_MAX = 3;

/** The new side is the stable one from here on. */
export function promote(draft: Draft, deployment: Deployment): void {
  const { state } = draft;
  const { kind, to, generation } = deployment;
  if (kind === "suspend") return;
  if (kind === "scale") {
    patch(draft, { counts: { ...state.counts, ...deployment.counts } });
    return;
  }
  if (to === null) return;
  const standby = nextStandby(draft, deployment);
  patch(draft, {
    active: to,
    generation,
    suspended: false,
    replaced: replacedNow(state, to, draft.at),
    promoted: [...state.promoted.filter((release) => release !== to), to],
    counts: countsAfter(state, to),
    crashes: {},
  });
  changeStandby(draft, standby);
}

function replacedNow({ replaced = {}, active }: AppState, by: ReleaseName, at: number): AppState["replaced"] {
  const { [by]: _again, ...others } = replaced;
  return active === null || active === by ? others : { ...others, [active]: at };
}

/** The deployment has ended: records how, and hands the instances back to supervision. */
export function finish(draft: Draft, deployment: Deployment): void {
  const outcome = outcomeOf(deployment);
  patchDeployment(draft, { outcome, endedAt: draft.at });
  notify(draft, outcome === "done" ? "promoted" : outcome, deployment.failure);
  const took = seconds(draft.at - deployment.startedAt);
  if (outcome === "done") note(draft, `${deployment.name} is done in ${took}`, "good");
  if (outcome === "rolled-back") note(draft, `${deployment.name} went back after ${took}; nothing of it runs any more`, "bad");
  if (deployment.kind === "deploy" && outcome !== "done") keepReturned(draft, deployment);
  if (all(draft.state).length === 0 && (draft.state.suspended || draft.state.active === null)) removeRoutes(draft);
  endStandbyWhenOver(draft);
  if (outcome === "done") prune(draft);
  supervise(draft);
}

/** A deployment that found nothing to change ends at once. */
export function finishUnchanged(draft: Draft): void {
  const deployment = running(draft.state);
  if (deployment === null) return;
  patchDeployment(draft, { outcome: "unchanged", endedAt: draft.at });
  note(draft, `nothing to do: the tree is that of ${deployment.from ?? "no release"}`, "good");
}

/** Releases that must not be pruned: active ones, and those an instance runs on. */
export function releasesInUse(state: AppState): readonly ReleaseName[] {
  const names = new Set(all(state).map((instance) => instance.release));
  for (const release of state.promoted.slice(-2)) names.add(release);
  const deployment = running(state);
  for (const release of [state.active, deployment?.from, deployment?.to, state.returned?.release])
    if (release) names.add(release);
  return [...names].sort();
}

function outcomeOf(deployment: Deployment): Exclude<Outcome, "unchanged"> {
  if (deployment.direction === "forward") return "done";
  return deployment.backAttempts > BACK_ATTEMPTS_MAX ? "failed" : "rolled-back";
}

/** Nothing serves and nothing should: the listen address is given back. */
function removeRoutes(draft: Draft): void {
  if (!draft.state.routes.installed) return;
  patch(draft, { routes: { ...draft.state.routes, installed: false, routed: [], specRelease: null } });
  order(draft, { kind: "traffic.remove", app: draft.state.app, epoch: draft.state.epoch }, null);
}

function prune(draft: Draft): void {
  const keep = draft.state.active === null ? 5 : (draft.state.releases[draft.state.active]?.spec.releasesKept ?? 5);
  const readable = assetSources(draft.state, draft.at).map(({ release }) => release);
  const inUse = [...new Set([...releasesInUse(draft.state), ...readable])].sort();
  order(draft, { kind: "release.prune", keep, inUse }, null);
}
