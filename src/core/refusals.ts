import { refuse, running, type Draft } from "./draft.ts";
import { frozenText, type Frozen } from "./freeze.ts";

/** True when it was refused. */
export function refuseWhileRunning(draft: Draft): boolean {
  const deployment = running(draft.state);
  if (deployment === null) return false;
  const since = Math.round((draft.at - deployment.stepSince) / 1000);
  const age = Math.round((draft.at - deployment.startedAt) / 1000);
  refuse(draft, {
    code: "ERR_DEPLOYMENT_RUNNING",
    what: `${deployment.name} of ${draft.state.app} is running.`,
    why: `${deployment.by} began it ${age} s ago; it has been ${deployment.step} batch ${deployment.stage + 1} of ${Math.max(1, deployment.stages.length)} for ${since} s.`,
    next: "Wait for it (`hitless status --watch`, or `hitless deploy --queue`), or ask it to go back (`hitless abort`, or `hitless deploy --supersede`).",
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

export function refuseFrozen(draft: Draft, frozen: Frozen): void {
  refuse(draft, {
    code: "ERR_FROZEN",
    what: `Deployments of ${draft.state.app} are frozen.`,
    why: `The window ${frozenText(frozen)}.`,
    next: 'Wait for its end (`hitless deploy --queue` does), or say why it cannot wait: `hitless deploy --override "reason"`. `hitless rollback` is always allowed.',
  });
}
