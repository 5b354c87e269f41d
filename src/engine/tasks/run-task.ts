import { toFailure } from "../../base/error.ts";
import { taskName, type Task, type TaskResult } from "../../core/task.ts";
import { runCompareTask } from "./compare-task.ts";
import { runJobTask } from "./job-task.ts";
import { runJourneyTask } from "./journey-task.ts";
import { runPrometheusTask } from "./prometheus-task.ts";
import { runMirrorTask } from "./mirror-task.ts";
import { runStatelessTask } from "./stateless-task.ts";
import { runWatchTask } from "./watch-task.ts";
import { TaskCancelled, type ShowLines, type TaskOrder, type TaskPorts } from "./task-order.ts";

/** Does the task, or goes on with it after a restart. Rejects with an AbortError only when this process is to end. */
export async function runTask(ports: TaskPorts, order: TaskOrder, show: ShowLines): Promise<TaskResult> {
  try {
    return await dispatch(ports, order, show);
  } catch (error) {
    if (!(order.signal.reason instanceof TaskCancelled)) throw error;
    return { verdict: "fail", summary: `${taskName(order.command.run)} was cancelled` };
  }
}

/** What could not be done at all has failed; but the default gate, which nobody asked for, takes nothing back because of that. */
export function failedTask(task: Task, error: unknown): TaskResult {
  const { what, why } = toFailure(error, "ERR_TASK_FAILED", "It could not be done.");
  const verdict = task.kind === "watch" ? "not-enough-data" : "fail";
  return { verdict, summary: `${taskName(task)} failed: ${[what, why].filter((part) => part !== undefined).join(" ")}` };
}

function dispatch(ports: TaskPorts, order: TaskOrder, show: ShowLines): Promise<TaskResult> {
  const { run } = order.command;
  switch (run.kind) {
    case "hook":
    case "command":
      return runJobTask(ports, order, run, show);
    case "compare":
      return runCompareTask(ports, order, run);
    case "watch":
      return runWatchTask(ports, order, run);
    case "prometheus":
      return runPrometheusTask(ports, order, run);
    case "journey":
      return runJourneyTask(ports, order, run);
    case "stateless":
      return runStatelessTask(ports, order, run);
    case "mirror":
      return runMirrorTask(ports, order, run);
  }
}
