import type { Failure } from "../base/error.ts";
import type { InstanceName } from "../base/names.ts";
import { note, patchDeployment, patchInstance, running, type Draft } from "./draft.ts";
import { BACK_ATTEMPTS_MAX } from "./ending.ts";
import { all, isLive, stopInstance } from "./instances.ts";
import { planBack } from "./plan.ts";
import { hasTraffic } from "./route-tables.ts";
import { enter } from "./steps.ts";
import type { Instance } from "./state.ts";

/**
 * Something failed or someone asked: back to the stable side, at full capacity, before anything of the new side goes. What never got
 * traffic goes at once.
 */
export function goBack(draft: Draft, failure: Failure): void {
  const deployment = running(draft.state);
  if (deployment === null || deployment.step === "closing") return;
  const attempts = deployment.backAttempts + 1;
  const first = deployment.direction === "forward";
  note(draft, [failure.what, failure.why].filter((part) => part !== undefined).join(" "), "bad");
  patchDeployment(draft, {
    direction: "back",
    backAttempts: attempts,
    failure: first ? failure : deployment.failure,
  });
  if (attempts > BACK_ATTEMPTS_MAX) {
    note(draft, "going back failed too; what serves is left running", "bad");
    enter(draft, "closing");
    return;
  }
  if (deployment.step === "preparing") {
    enter(draft, "closing");
    return;
  }
  if (first)
    note(draft, deployment.from === null ? "going back: stopping what was started" : `going back to ${deployment.from}`, "bad");
  rejoinDraining(draft);
  dropUnrouted(draft, first ? deployment.starting : []);
  // What an earlier attempt has started for the stable side counts for this one, and is waited for and routed with it.
  const starting = first ? [] : deployment.starting.filter((name) => isComing(draft.state.instances[name]));
  patchDeployment(draft, { stages: planBack(draft.state), stage: 0, starting, retiring: [] });
  enter(draft, "starting");
}

/** Old instances that were drained but not yet signalled are as good as ever: they serve again. */
function rejoinDraining(draft: Draft): void {
  for (const instance of all(draft.state)) {
    if (instance.generation !== draft.state.generation) continue;
    if (instance.status !== "draining" && instance.status !== "drained") continue;
    patchInstance(draft, instance.name, { status: "serving", routed: hasTraffic(draft.state, instance) });
  }
}

function isComing(instance: Instance | undefined): boolean {
  return instance !== undefined && isLive(instance) && !instance.routed;
}

/** What is being drained has had requests: it goes with the retirement that comes. */
function dropUnrouted(draft: Draft, starting: readonly InstanceName[]): void {
  for (const instance of all(draft.state)) {
    const isNew = instance.generation !== draft.state.generation || starting.includes(instance.name);
    if (!instance.routed && instance.status !== "draining" && isNew) stopInstance(draft, instance.name);
  }
}
