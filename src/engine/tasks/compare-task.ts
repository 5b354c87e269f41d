import { judge } from "../../core/judging/comparison.ts";
import type { CompareTask, TaskResult } from "../../core/task.ts";
import { isFinal } from "./data-wait.ts";
import { comparisonFrom, ledgerAt, NO_PAIR, pairOf, withWindow } from "./paired-windows.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/**
 * Watches the proxy's counters from the task's beginning, window by window, until there is a verdict. The windows lie on a grid of time: who
 * takes the task up after a crash reads the past ones from the samples that the proxy keeps, and comes to the same.
 */
export async function runCompareTask(ports: TaskPorts, order: TaskOrder, task: CompareTask): Promise<TaskResult> {
  const { startedAt, patienceMs = 0 } = order.command;
  const pair = pairOf(order);
  if (pair === null) return NO_PAIR;
  const end = startedAt + task.forMs;
  let last = await ledgerAt(ports, order.app, startedAt);
  let comparison = await comparisonFrom(ports, order, pair, last);
  for (let window = 1; ; window += 1) {
    const due = startedAt + window * task.everyMs;
    const at = Math.min(due, end + patienceMs);
    await ports.clock.sleepUntil(at, order.signal);
    const now = await ledgerAt(ports, order.app, at);
    if (now !== null) comparison = withWindow(comparison, { last, now, pair }, task.rules);
    last = now ?? last;
    const result = judge(comparison, task.rules, at >= end);
    if (isFinal(result, order, end, at)) return result;
  }
}
