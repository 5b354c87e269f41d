import { order, running, type Draft } from "./draft.ts";
import type { Deployment, Stage } from "./state.ts";
import type { TaskId } from "./task.ts";
import { begin, latestId, patchRecord, recordOf } from "./tasks.ts";

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
    conclude(draft, id, draft.at);
  }
  return false;
}

/** The watch that a new daemon takes up does not know what the one before was told. */
export function concludeAgain(draft: Draft): void {
  const deployment = running(draft.state);
  const record = deployment === null ? undefined : recordOf(deployment, idOf(deployment));
  if (deployment === null || record?.concludedAt === undefined || record.result !== undefined) return;
  conclude(draft, idOf(deployment), record.concludedAt);
}

function conclude(draft: Draft, task: TaskId, at: number): void {
  order(draft, { kind: "task.conclude", task, at });
}

function idOf(deployment: Deployment): TaskId {
  return latestId(deployment, `${deployment.name}/watch`);
}
