import type { InstanceName } from "../base/names.ts";
import { note, patchInstance, running, type Draft } from "./draft.ts";
import { isOfDeployment } from "./exits.ts";
import { goBack } from "./going-back.ts";
import { find, stopInstance } from "./instances.ts";
import { replacementOf } from "./liveness.ts";
import { supervise } from "./supervision.ts";

/**
 * An instance that serves has failed its health checks for so long that it counts as sick. One of a release that is not promoted yet is the
 * deployment's failure; any other is replaced.
 */
export function whenSick(draft: Draft, { instance: name, saw }: { instance: InstanceName; saw: string }): void {
  const instance = find(draft.state, name);
  if (instance?.status !== "serving" || !instance.routed || instance.sick !== undefined) return;
  const deployment = running(draft.state);
  if (deployment?.direction === "forward" && isOfDeployment(deployment, instance)) {
    goBack(draft, {
      code: "ERR_INSTANCE_SICK",
      what: `${name} was ready, and then failed its health checks.`,
      why: `The last one saw: ${saw}.`,
      next: `See what it wrote with \`hitless logs ${name}\`.`,
    });
    return;
  }
  patchInstance(draft, name, { sick: { since: draft.at, saw } });
  note(draft, `${name} fails its health checks: ${saw}`, "bad");
  supervise(draft);
}

/** It has passed its checks for a while. What was started in its place is not needed, unless it serves already. */
export function whenWell(draft: Draft, { instance: name }: { instance: InstanceName }): void {
  const instance = find(draft.state, name);
  if (instance?.status !== "serving" || instance.sick === undefined) return;
  patchInstance(draft, name, { sick: undefined });
  note(draft, `${name} passes its health checks again`, "good");
  const fresh = replacementOf(draft, name);
  if (fresh !== undefined) stopInstance(draft, fresh.name);
}
