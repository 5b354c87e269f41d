import type { VerdictStatus } from "../api/daemon.ts";
import type { Deployment, TaskRecord } from "../core/state.ts";
import { taskName } from "../core/task.ts";

/** What was done and judged in a deployment, in the order in which it began. */
export function verdictStatuses({ tasks = {} }: Deployment): readonly VerdictStatus[] {
  return Object.values(tasks)
    .map(verdictStatus)
    .toSorted((a, b) => a.startedAt - b.startedAt);
}

function verdictStatus({ task, startedAt, endedAt, stage, result, accepted, retriedAs }: TaskRecord): VerdictStatus {
  return {
    name: taskName(task),
    kind: task.kind,
    batch: stage === undefined ? null : stage + 1,
    verdict: result?.verdict ?? null,
    overruled: accepted === true,
    retried: retriedAs !== undefined,
    summary: result?.summary ?? null,
    figures: result?.figures ?? {},
    details: result?.details ?? [],
    startedAt,
    endedAt: endedAt ?? null,
  };
}
