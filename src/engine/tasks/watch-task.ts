import { judge } from "../../core/judging/comparison.ts";
import type { TaskResult, WatchTask } from "../../core/task.ts";
import { concludedAt } from "./conclusions.ts";
import { comparisonFrom, ledgerAt, NO_PAIR, pairOf, withWindow, type Pair } from "./paired-windows.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/**
 * Evidence is gathered anew after so long: what was good for days must not outweigh what is bad now, and two of these are within what the
 * proxy keeps, so that who takes the task up after a crash knows as much.
 */
const PERIOD_MS = 300_000;

/** Watches the proxy's counters until it is told to judge, or the new release is found to be worse. */
export async function runWatchTask(ports: TaskPorts, order: TaskOrder, task: WatchTask): Promise<TaskResult> {
  const pair = pairOf(order);
  if (pair === null) return NO_PAIR;
  const { startedAt } = order.command;
  const until = Math.min(ports.clock.now(), concludedAt(order.conclusion));
  let earlier: TaskResult | null = null;
  for (let period = Math.max(0, Math.floor((until - startedAt) / PERIOD_MS) - 1); ; period += 1) {
    const { result, isLast } = await watched(ports, order, { task, pair, period });
    if (result.verdict === "fail") return result;
    if (isLast) return result.verdict === "pass" || earlier === null ? result : earlier;
    earlier = result;
  }
}

interface Period {
  readonly task: WatchTask;
  readonly pair: Pair;
  /** Counted from 0. */
  readonly period: number;
}

async function watched(
  ports: TaskPorts,
  order: TaskOrder,
  { task, pair, period }: Period,
): Promise<{ readonly result: TaskResult; readonly isLast: boolean }> {
  const { command, app } = order;
  const from = command.startedAt + period * PERIOD_MS;
  // The parts of all periods together are the chance that the rules allow: 1/2 + 1/6 + 1/12 + … = 1.
  const rules = { ...task.rules, alpha: task.rules.alpha / ((period + 1) * (period + 2)) };
  let comparison = await comparisonFrom(ports, order, pair, await ledgerAt(ports, app, command.startedAt));
  let last = await ledgerAt(ports, app, from);
  for (let window = 1; ; window += 1) {
    const at = await reached(ports, order, Math.min(from + PERIOD_MS, from + window * task.everyMs));
    const now = await ledgerAt(ports, app, at);
    if (now !== null) comparison = withWindow(comparison, { last, now, pair }, rules);
    last = now ?? last;
    const isLast = at >= concludedAt(order.conclusion);
    const result = judge(comparison, rules, isLast || at >= from + PERIOD_MS);
    if (result !== null) return { result, isLast };
  }
}

/** Waits until then, or until the task is told to judge; gives the earlier of the two. */
async function reached({ clock }: TaskPorts, { signal, conclusion }: TaskOrder, due: number): Promise<number> {
  if (!conclusion.aborted) {
    await clock.sleepUntil(due, AbortSignal.any([signal, conclusion])).catch((error: unknown) => {
      if (signal.aborted || !conclusion.aborted) throw error;
    });
  }
  return Math.min(due, concludedAt(conclusion));
}
