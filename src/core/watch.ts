import { order, type Draft } from "./draft.ts";
import type { Deployment, Stage } from "./state.ts";
import { begin, patchRecord, recordOf } from "./tasks.ts";

/** The default gate begins with the first requests of the new release. Safe to repeat: there is one in a deployment. */
export function beginWatch(draft: Draft, deployment: Deployment, stage: Stage): void {
  const { kind, direction, from, to, share = 100 } = deployment;
  const watch = draft.state.releases[to ?? ""]?.spec.tasks?.watch;
  if (watch === undefined || kind !== "deploy" || direction === "back" || from === null) return;
  const isSeen = stage.release !== null && share > 0;
  if (isSeen && recordOf(deployment, idOf(deployment)) === undefined) begin(draft, idOf(deployment), watch);
}

/** Before the last instances of the old release go, the default gate says what it has seen up to then. */
export function isWatchOver(draft: Draft, deployment: Deployment): boolean {
  const { stages, stage } = deployment;
  const id = idOf(deployment);
  const record = recordOf(deployment, id);
  if (record === undefined || record.result !== undefined || stage + 1 < stages.length) return true;
  if (record.concludedAt === undefined) {
    patchRecord(draft, id, { ...record, concludedAt: draft.at });
    order(draft, { kind: "task.conclude", task: id, at: draft.at });
  }
  return false;
}

function idOf({ name }: Deployment): string {
  return `${name}/watch`;
}
