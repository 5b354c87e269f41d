import type { Failure } from "../base/error.ts";
import type { InstanceName } from "../base/names.ts";
import { dropInstance, note, running, type Draft } from "./draft.ts";
import { goBack, refillOnWayBack } from "./going-back.ts";
import { find, isLive, stopInstance } from "./instances.ts";
import { isFilling } from "./steps.ts";
import { trimStandby } from "./standby.ts";
import { recordCrash, supervise } from "./supervision.ts";
import type { Deployment, Instance } from "./state.ts";

interface InstanceExit {
  readonly instance: InstanceName;
  readonly how: string;
  readonly logTail: readonly string[];
}

/** Instances ended without being told to. What follows is decided when all of them are out of the books, so that it is decided once. */
export function whenExited(draft: Draft, exits: readonly InstanceExit[]): void {
  const deployment = running(draft.state);
  let failure: Failure | null = null;
  for (const exit of exits) {
    const instance = find(draft.state, exit.instance);
    if (instance === undefined || instance.status === "stopping") continue;
    dropInstance(draft, instance.name);
    if (!isLive(instance)) continue;
    if (deployment !== null && isOfDeployment(deployment, instance)) failure ??= exitFailure(instance, exit);
    else recordExit(draft, instance, exit.how);
  }
  trimStandby(draft);
  if (failure === null) {
    supervise(draft);
    refillOnWayBack(draft);
  } else goBack(draft, failure);
}

function recordExit(draft: Draft, instance: Instance, how: string): void {
  note(draft, `${instance.name} ${how}`, "bad");
  // The new side's end on the way back says nothing about the stable one.
  if (instance.generation === draft.state.generation) recordCrash(draft, { type: instance.type, since: instance.since, how });
}

/** An instance that could not be started, or did not become ready in time. */
export function whenFailedToStart(draft: Draft, name: InstanceName, failure: Failure): void {
  const instance = find(draft.state, name);
  if (instance === undefined || (instance.status !== "starting" && instance.status !== "warming")) return;
  const deployment = running(draft.state);
  // Also one that could not be started: a daemon that died may have started it, and only the repetition failed.
  stopInstance(draft, name);
  if (deployment !== null && isOfDeployment(deployment, instance)) {
    goBack(draft, failure);
    return;
  }
  note(draft, failure.why === undefined ? failure.what : `${failure.what} ${failure.why}`, "bad");
  recordCrash(draft, { type: instance.type, since: instance.since, how: "did not become ready" });
  supervise(draft);
}

/** True for an instance whose failure is the deployment's: one of its new side, or one it starts now. */
export function isOfDeployment(deployment: Deployment, instance: Instance): boolean {
  if (deployment.step === "closing") return false;
  if (deployment.direction === "back")
    return isFilling(deployment) && deployment.starting.includes(instance.name) && !instance.routed;
  const replaces = deployment.generation !== deployment.fromGeneration;
  return deployment.starting.includes(instance.name) || (replaces && instance.generation === deployment.generation);
}

function exitFailure(instance: Instance, exit: { how: string; logTail: readonly string[] }): Failure {
  return {
    code: "ERR_INSTANCE_EXITED",
    what: `${instance.name} ${exit.how}${instance.status === "serving" ? " while it served" : " before it was ready"}.`,
    details: exit.logTail.length === 0 ? ["it wrote no output"] : exit.logTail,
    next: `See everything it wrote with \`hitless logs ${instance.name}\`.`,
  };
}
