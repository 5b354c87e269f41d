import type { Failure } from "../base/error.ts";
import { note, patchDeployment, running, type Draft, type NoteDraft } from "./draft.ts";
import type { Event } from "./event.ts";
import { goBack } from "./going-back.ts";
import { notify } from "./notifying.ts";
import type { Deployment, TaskRecord } from "./state.ts";
import { patchRecord, recordOf } from "./tasks.ts";
import type { TaskId, TaskResult } from "./task.ts";

type JudgedRecord = TaskRecord & { readonly result: TaskResult };

/** A task has ended: a failed one takes the deployment back, one that cannot tell keeps it where it is. */
export function whenTaskEnded(draft: Draft, { task: id, result }: Extract<Event, { kind: "task.ended" }>): void {
  const deployment = running(draft.state);
  const known = deployment === null ? undefined : recordOf(deployment, id);
  if (deployment === null || known === undefined || known.result !== undefined) return;
  const record = { ...known, result, endedAt: draft.at };
  patchRecord(draft, id, record);
  note(draft, result.summary, levelOf(record, result));
  for (const line of result.verdict === "pass" ? [] : (result.details ?? [])) note(draft, `  ${line}`);
  if (deployment.direction === "back" || deployment.step === "closing") return;
  if (result.verdict === "fail") fail(draft, failureOf(record, result));
  if (result.verdict === "not-enough-data") whenUndecided(draft, deployment, id, record);
}

/** Back by itself; where the release does not want that, it stays where it is until an operator decides. */
function fail(draft: Draft, failure: Failure): void {
  const deployment = running(draft.state);
  const spec = draft.state.releases[deployment?.to ?? ""]?.spec;
  if (deployment === null || spec?.rollout.autoRollback !== false) {
    goBack(draft, failure);
    return;
  }
  note(draft, [failure.what, failure.why].filter((part) => part !== undefined).join(" "), "bad");
  halt(draft, deployment, "it failed, and does not go back by itself", failure);
}

function whenUndecided(draft: Draft, deployment: Deployment, id: TaskId, record: JudgedRecord): void {
  const isWatch = record.task.kind === "watch";
  const policy = draft.state.releases[deployment.to ?? ""]?.spec.tasks?.onNotEnoughData ?? "pause";
  if (policy !== "pass" && !isWatch) {
    halt(draft, deployment, "there is not enough data to judge it by", failureOf(record, record.result));
    return;
  }
  patchRecord(draft, id, { ...record, accepted: true });
  note(draft, isWatch ? "it goes on unjudged: no gate was asked for" : "it goes on all the same, as the configuration says");
}

/** An app that has no traffic just now is no misfortune. */
function levelOf({ task }: TaskRecord, { verdict }: TaskResult): NoteDraft["level"] {
  if (verdict === "pass") return "good";
  return task.kind === "watch" && verdict === "not-enough-data" ? "info" : "bad";
}

function halt(draft: Draft, { name, halted }: Deployment, why: string, reason: Failure): void {
  if (halted !== undefined) return;
  notify(draft, "paused", reason);
  patchDeployment(draft, { halted: { by: "hitless", since: draft.at } });
  note(
    draft,
    `${name} is paused: ${why}. \`hitless promote\` goes on all the same, \`hitless rollout retry\` judges again, \`hitless abort\` goes back`,
    "bad",
  );
}

function failureOf({ task }: TaskRecord, { summary, details }: TaskResult): Failure {
  return {
    code: "ERR_TASK_FAILED",
    what: `${summary}.`,
    ...(details === undefined ? {} : { details }),
    next:
      task.kind === "hook"
        ? "Correct it and deploy again; a hook is run once in each deployment."
        : "Correct the release and deploy again; if it was not the release, `hitless rollout retry` tries it again.",
  };
}
