import type { Failure } from "../base/error.ts";
import type { InstanceName } from "../base/names.ts";
import { note, patchDeployment, patchInstance, running, type Draft } from "./draft.ts";
import { BACK_ATTEMPTS_MAX } from "./ending.ts";
import { isDeparting } from "./departures.ts";
import { all, stopInstance } from "./instances.ts";
import { hasLeftovers, planBack } from "./plan.ts";
import { coming, hasTraffic } from "./route-tables.ts";
import { sideOf } from "./standby.ts";
import { cancelTasks } from "./tasks.ts";
import { enter, isFilling, isTakingAway } from "./steps.ts";
import type { Deployment, Instance } from "./state.ts";

/**
 * Something failed or someone asked: back to the stable side, at full capacity, before anything of the new side goes. What never got
 * traffic goes at once.
 */
export function goBack(draft: Draft, failure: Failure): void {
  const deployment = running(draft.state);
  if (deployment === null || deployment.step === "closing") return;
  const first = deployment.direction === "forward";
  note(draft, [failure.what, failure.why].filter((part) => part !== undefined).join(" "), "bad");
  patchDeployment(draft, { direction: "back", halted: undefined, failure: first ? failure : deployment.failure });
  if (first) cancelTasks(draft);
  // Nothing was begun; but what an earlier way back has left goes.
  if (deployment.step === "preparing" && !hasLeftovers(draft.state)) {
    enter(draft, "closing");
    return;
  }
  if (first)
    note(draft, deployment.from === null ? "going back: stopping what was started" : `going back to ${deployment.from}`, "bad");
  rejoinDraining(draft, ({ name, generation }) => generation === draft.state.generation && !isDeparting(draft.state, name));
  dropUnrouted(draft, first ? deployment.starting : []);
  tryBack(draft, deployment.backAttempts + 1);
}

/** What ended by itself of the stable side on the way back is replaced before anything of the new side is taken away. */
export function refillOnWayBack(draft: Draft): void {
  const deployment = running(draft.state);
  if (deployment?.direction !== "back") return;
  if (isFilling(deployment)) {
    const [missing] = planBack(draft.state);
    if (Object.values(missing?.start ?? {}).some((count) => count > 0)) tryBack(draft, deployment.backAttempts + 1);
  } else if (isTakingAway(deployment) && all(draft.state).every(({ routed }) => !routed)) {
    // All of the stable side has ended: what was to go, and was not told to stop yet, serves until it is back.
    keepServing(draft, deployment);
    tryBack(draft, deployment.backAttempts + 1);
  }
}

/** What the deployment has just taken out of the table, and the proxy may not have heard of, serves on. */
export function keepServing(draft: Draft, { retiring }: Deployment): void {
  const isWanted = ({ name, status }: Instance): boolean =>
    status === "draining" && retiring.includes(name) && !isDeparting(draft.state, name);
  rejoinDraining(draft, isWanted);
}

function tryBack(draft: Draft, attempts: number): void {
  patchDeployment(draft, { backAttempts: attempts });
  if (attempts > BACK_ATTEMPTS_MAX) {
    note(draft, "going back failed too; what serves is left running", "bad");
    rejoinDraining(draft, ({ name }) => !isDeparting(draft.state, name));
    enter(draft, "closing");
    return;
  }
  // What is coming for the stable side already is waited for and routed with what is started now.
  patchDeployment(draft, { stages: planBack(draft.state), stage: 0, starting: coming(draft.state), retiring: [] });
  enter(draft, "starting");
}

/** Instances that were drained but not yet signalled are as good as ever: they serve again. */
function rejoinDraining(draft: Draft, isWanted: (instance: Instance) => boolean): void {
  for (const instance of all(draft.state)) {
    if (instance.status !== "draining" && instance.status !== "drained") continue;
    if (isWanted(instance)) patchInstance(draft, instance.name, { status: "serving", routed: hasTraffic(draft.state, instance) });
  }
}

/** What is being drained has had requests: it goes with the retirement that comes. */
function dropUnrouted(draft: Draft, starting: readonly InstanceName[]): void {
  for (const instance of all(draft.state)) {
    const isNew = sideOf(draft.state, instance, draft.state.generation) === "others" || starting.includes(instance.name);
    if (!instance.routed && instance.status !== "draining" && isNew) stopInstance(draft, instance.name);
  }
}
