import { HitlessError } from "../../base/error.ts";
import { addToComparison, judge, newComparison, type Comparison } from "../../core/judging/comparison.ts";
import { sampleOf } from "../../core/judging/sample.ts";
import { ledgerBetween, type LedgerSnapshot } from "../../core/ledger.ts";
import type { CompareTask, TaskResult } from "../../core/task.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/** The time before that stands in where the old release gets no requests any more. */
const BEFORE_MS = 300_000;

interface Pair {
  readonly release: string;
  readonly against: string;
}

/**
 * Watches the proxy's counters from the task's beginning, window by window, until there is a verdict. The windows lie on a grid of time: who
 * takes the task up after a crash reads the past ones from the samples that the proxy keeps, and comes to the same.
 */
export async function runCompareTask(ports: TaskPorts, order: TaskOrder, task: CompareTask): Promise<TaskResult> {
  const { startedAt, release, against } = order.command;
  if (release === null || against === null || release === against)
    return { verdict: "pass", summary: "there is no other release to compare with" };
  const pair = { release, against };
  const end = startedAt + task.forMs;
  let last = await ledgerAt(ports, order.app, startedAt);
  let comparison = await fromBefore(ports, order, pair, last);
  for (let window = 1; ; window += 1) {
    const at = Math.min(end, startedAt + window * task.everyMs);
    await ports.clock.sleepUntil(at, order.signal);
    const now = await ledgerAt(ports, order.app, at);
    if (now !== null) comparison = added(comparison, { last, now, pair }, task);
    last = now ?? last;
    const result = judge(comparison, task.rules, at >= end);
    if (result !== null) return result;
  }
}

async function fromBefore(
  ports: TaskPorts,
  { app, command }: TaskOrder,
  { against }: Pair,
  first: LedgerSnapshot | null,
): Promise<Comparison> {
  const earlier = await ledgerAt(ports, app, command.startedAt - BEFORE_MS);
  if (first === null || earlier === null || earlier.boot !== first.boot) return newComparison();
  return newComparison(sampleOf(ledgerBetween(earlier, first), against));
}

function added(
  comparison: Comparison,
  { last, now, pair }: { last: LedgerSnapshot | null; now: LedgerSnapshot; pair: Pair },
  { rules }: CompareTask,
): Comparison {
  const rows = ledgerBetween(last, now);
  return addToComparison(comparison, sampleOf(rows, pair.against), sampleOf(rows, pair.release), rules);
}

/** What was counted up to then; null while the proxy does not answer: the next window is so much longer then. */
async function ledgerAt({ clock, traffic }: TaskPorts, app: string, at: number): Promise<LedgerSnapshot | null> {
  try {
    return await (at < clock.now() ? traffic.ledger(app, { at }) : traffic.ledger(app));
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_PROXY_UNREACHABLE") return null;
    throw error;
  }
}
