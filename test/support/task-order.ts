import type { Task } from "../../src/core/task.ts";
import type { TaskOrder } from "../../src/engine/tasks/task-order.ts";

/** The task of a second release against the first one, begun now. */
export function orderOf(run: Task, signal: AbortSignal = new AbortController().signal): TaskOrder {
  const ids = { id: "shop/1/task.run", deployment: "d2", task: "d2/0/0" };
  return { app: "shop", command: { kind: "task.run", ...ids, run, release: "r2", against: "r1", startedAt: Date.now() }, signal };
}
