import type { TaskResult } from "../../core/task.ts";
import type { TaskOrder } from "./task-order.ts";

/** A task whose time was over at `end` has said this at `now`; too little data is not its last word while it may wait for more. */
export function isFinal(result: TaskResult | null, { command }: TaskOrder, end: number, now: number): result is TaskResult {
  if (result === null) return false;
  return result.verdict !== "not-enough-data" || now >= end + (command.patienceMs ?? 0);
}
