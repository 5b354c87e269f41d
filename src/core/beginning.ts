import { deploymentName, releaseName, type ReleaseName } from "../base/names.ts";
import type { DeployOrder } from "./deploy-order.ts";
import { note, order, patch, patchDeployment, type Draft } from "./draft.ts";
import { hasLeftovers } from "./plan.ts";
import { poolsOf, servingTargets } from "./pools.ts";
import { forgetReturned } from "./returned.ts";
import { coming } from "./route-tables.ts";
import type { Deployment, DeploymentKind, Stage } from "./state.ts";

interface Beginning {
  readonly kind: DeploymentKind;
  readonly by: string;
  readonly to: ReleaseName | null;
  readonly stages: readonly Stage[];
  readonly force?: boolean;
  readonly newGeneration: boolean;
}

/** A deployment begins; nothing of the app is changed by that yet. */
export function begin(draft: Draft, beginning: Beginning): void {
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

/** Takes the name that the request was staged under. */
export function nextRelease(draft: Draft): ReleaseName {
  const number = draft.state.next.release;
  patch(draft, { next: { ...draft.state.next, release: number + 1 } });
  return releaseName(number);
}

/** New code: its release is made first, unless it is kept. What it replaces is whatever is active now. */
export function beginDeploy(draft: Draft, { by, release, strategy, batch, force, notifications, override }: DeployOrder): void {
  forgetReturned(draft, release);
  begin(draft, { kind: "deploy", by, to: release, stages: [], force, newGeneration: true });
  patchDeployment(draft, {
    batch,
    strategy,
    ...(notifications && { notifications }),
    ...(override !== undefined && { override }),
  });
  const active = draft.state.active === null ? undefined : draft.state.releases[draft.state.active];
  const unlessIdentity = force || draft.state.suspended ? null : (active?.identity ?? null);
  order(draft, { kind: "release.create", release, unlessIdentity });
  note(draft, `${by} deploys ${release}${override === undefined ? "" : `, whatever is frozen: ${override}`}`);
}
