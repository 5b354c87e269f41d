import type { ReleaseName } from "../base/names.ts";
import type { AppSpec, CanaryStep, RolloutSpec, Strategy } from "./app-spec.ts";
import { patchDeployment, type Draft } from "./draft.ts";
import { withoutWaits } from "./merge-stages.ts";
import { withBake, withTasks } from "./plan-tasks.ts";
import { planRolling } from "./plan.ts";
import { planBlueGreen, planReturn } from "./plan-blue-green.ts";
import { planCanary } from "./plan-canary.ts";
import type { Deployment, Wait } from "./state.ts";

/** Of a canary whose release says nothing of steps. */
const DEFAULT_STEPS: readonly CanaryStep[] = [
  { weight: 10, waitMs: 60_000 },
  { weight: 50, waitMs: 60_000 },
];

/** How the deployment that has begun replaces what runs by instances of this release. */
export function planReplacement(draft: Draft, release: ReleaseName): void {
  plan(draft, release);
  const spec = draft.state.releases[release]?.spec;
  const planned = draft.state.deployment;
  if (planned?.kind === "deploy" && spec !== undefined) {
    const stages = draft.state.suspended ? planned.stages : withBake(planned, spec);
    patchDeployment(draft, { stages: withTasks(stages, spec) });
  }
  const { deployment } = draft.state;
  if (deployment?.full === true) patchDeployment(draft, { stages: withoutWaits(deployment) });
}

function plan(draft: Draft, release: ReleaseName): void {
  const { state } = draft;
  const { deployment } = state;
  const record = state.releases[release];
  if (deployment === null || record === undefined) return;
  const { rollout } = record.spec;
  const strategy = strategyOf(deployment, rollout);
  const { generation } = deployment;
  if (strategy === "rolling") {
    patchDeployment(draft, { strategy, stages: planRolling(state, release, generation, asAsked(deployment, rollout)) });
    return;
  }
  const { standbyMs = 0 } = rollout;
  const keepsOld = standbyMs > 0 && state.active !== null && !state.suspended;
  const isCareful = deployment.kind === "deploy";
  const stages =
    strategy === "canary" && isCareful && state.active !== null && !state.suspended
      ? planCanary(state, { release, generation, steps: stepsOf(record.spec), keepsOld })
      : planBlueGreen(state, { release, generation, wait: isCareful ? waitBefore(rollout) : undefined, keepsOld });
  patchDeployment(draft, { strategy, stages, ...(keepsOld ? { standbyMs } : {}) });
}

/** The instances that are on standby serve again, at once; those that served are on standby then. */
export function planReturnToStandby(draft: Draft): void {
  const { standby, active, releases } = draft.state;
  if (standby === undefined) return;
  const windows = [standby.release, active ?? ""].map((release) => releases[release]?.spec.rollout.standbyMs ?? 0);
  patchDeployment(draft, {
    strategy: "blue-green",
    generation: standby.generation,
    share: 0,
    starting: [],
    standbyMs: Math.max(...windows),
    stages: planReturn(draft.state, standby),
  });
}

/** What is said on the command line comes before what the release says. A restart is not watched between batches. */
function asAsked({ kind, batch }: Deployment, rollout: RolloutSpec): RolloutSpec {
  const asked = { ...rollout, batch: batch ?? rollout.batch };
  return kind === "deploy" ? asked : { ...asked, firstPauseMs: asked.pauseMs };
}

/** Checks come before the first request: they need a preview. */
function stepsOf({ rollout: { steps = DEFAULT_STEPS }, tasks }: AppSpec): readonly CanaryStep[] {
  const isSeenFirst = (tasks?.checks ?? []).length > 0 && steps[0]?.weight !== 0;
  return isSeenFirst ? [{ weight: 0, waitMs: 0 }, ...steps] : steps;
}

/** A restart has two generations of one release, which requests cannot be shared out between by weight. */
function strategyOf({ kind, strategy }: Deployment, rollout: RolloutSpec): Strategy {
  return kind === "restart" ? "rolling" : (strategy ?? rollout.strategy);
}

function waitBefore({ promoteAfterMs = 0 }: RolloutSpec): Wait | undefined {
  return promoteAfterMs === 0 ? undefined : { ms: promoteAfterMs };
}
