import type { Task } from "../../src/core/task.ts";
import type { TaskOrder } from "../../src/engine/tasks/task-order.ts";

const NEVER = new AbortController().signal;

/** The task of a second release against the first one, begun now. */
export function orderOf(run: Task, { signal, conclusion } = { signal: NEVER, conclusion: NEVER }): TaskOrder {
  const ids = { id: "shop/1/task.run", deployment: "d2", task: "d2/0/0" };
  const command = { kind: "task.run", ...ids, run, release: "r2", against: "r1", startedAt: Date.now() } as const;
  return { app: "shop", command, signal, conclusion };
}
